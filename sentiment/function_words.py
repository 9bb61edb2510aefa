"""Small words that tell languages apart: articles, pronouns, prepositions, common verbs and adverbs.

A tweet of ten words has several of them, whatever it is about, and they are rarely misspelt. `hi` is Hindi in Latin
letters, in its usual spellings.
"""

from __future__ import annotations

from collections.abc import Mapping

_WORDS = {
    "en": """
        a about after again all also always am an and any are as at back be because been before being best better
        but by can can't cant come could did didn't do does doesn't doing don't done dont down ever every for from
        get getting go going gonna good got great had has have having he her here him his how i i'd i'll i'm i've if
        im in into is isn't it it's its just keep know last like ll lol love make many me more much my need never
        new no not now of off ok on one only or other our out over people please re really s see she should since so
        some still stop such t take than thank thanks that that's the their them then there these they thing think
        this those time to today too try u up ur us use ve very via wanna want was wasn't way we well were what when
        where which while who why will with without won't work would yeah year yes yet you you're your
    """,
    "de": """
        aber alle alles als auch auf aus bei beim bis bitte da damit danke dann das dass dein deine dem den denn der
        des dich dir doch du ein eine einem einen einer eines einfach er es euch euer fuer für ganz gar gegen geht
        gerade gibt gut guten habe haben habt halt heute hier ich ihm ihn ihr ihre immer ist ja jetzt kann kannst
        kein keine keinen können leider letzte läuft macht mal man mehr mein meine mich mir mit morgen muss nach
        nein nicht nichts noch nur ob oder ohne schon schön sehr sei sein seine seit sich sie sind soll und uns
        unser unter viel vom von vor wann warum weil weiß wenn wer werde werden wie wieder will wir wird wo wurde zu
        zum zur zwei über
    """,
    "es": """
        ahora al algo alguien algún antes aquí así aunque años bien buen buena buenas bueno buenos cada casa como
        con contra cosa creo cuando cuál cuándo cómo de del desde dice donde dos día días dónde el ella ellos en
        entre eres es esa ese eso esta estamos estar estas este esto estos estoy está están fue fuera gente gracias
        ha había hace hacer hasta hay hola hoy igual jajaja la las le les lo los mañana me mejor menos mi mis muchas
        mucho muchos muy más mí nada nadie ni noche nos nosotros nuestra nuestro nunca o otra otro para parece pero
        poco por porque puede puedo pues que quien quiero quién qué se sea según ser si siempre sin sobre solo somos
        son soy su sus sí sólo también tan tanto te tengo tiene tienen todas todo todos tu tú un una uno usted va
        vamos ver vez vida y ya yo él
    """,
    "fr": """
        ai alors après au aucun aujourd'hui aussi autre aux avait avant avec avez avoir bah beaucoup bien bon
        bonjour c'est ca car ce cela ces cest cette chez comme comment dans de deja depuis des dire dit donc du déjà
        elle elles en encore entre es est et eu faire fait faut fois hier ici il ils j'ai jai jamais je jour juste
        la le les leur lui là ma mais mal matin me merci mes mieux moi moins mon même ne ni non nos notre nous on
        ont ou oui où par parce pas personne peu peut plus pour pourquoi qu'il quand que quel quelle qui quoi rien
        sa sans se ses si soir sont sous suis sur ta tes toi toujours tous tout toute toutes tres trop très tu un
        une va vais voilà vos votre vous vraiment vs y ça était être
    """,
    "it": """
        abbiamo adesso ai al alla alle allora anche ancora anni anno bella bello bene c'è ce che chi ci ciao come
        con cosa così cui da dal dalla degli dei del della delle dello di dopo dove due e ecco ed era essere fa fare
        fatto fra gente giorno già gli grazie ha hai hanno ho i il in invece io l la le lei li lo loro lui ma mai
        male me meglio meno mi mia mio molto ne nel nella nessuno niente no noi non nostro o oggi ogni per perchè
        perché però piu più poi prima proprio può quando quanto quella quelli quello questa queste questi questo qui
        se sei sempre senza si sia siamo sono sta stato su sua sul sulla suo sì tanto te ti tra troppo tu tua tuo
        tutti tutto un una uno va vai vi voi vuole è
    """,
    "pt": """
        agora ainda algo alguém além amanhã amo anos antes ao aos aqui até bem boa bom cada casa coisa com como da
        das de dela dele depois desde deu dia dias disse do dos e ela ele eles em então era essa esse esta estar
        estava este estou está estão eu faz fazer foi gente hoje hora isso já la lá mais mas me melhor mesmo meu
        meus minha minhas muita muito muitos na nada nao nas nem nesse ninguém no noite nos nossa nosso nunca não
        nós o obrigada obrigado onde os ou outra outro para pela pelo pode por porque pra pro quando que quem quero
        se sei seja sem sempre ser seu so sobre sua só tambem também tao te tem tenho ter teu todo todos tudo tá tão
        têm um uma vai vamos ver vez vida voce você vocês vou é
    """,
    "hi": """
        aaj aankh aao aap aapka aapke aapki aapko aata aate aati aaya aaye aayega aayegi aayenge aayi abhi abki
        accha acche acchi acha achha achhe aisa aise ameer andar andolan apna apne apni aur baad baar baarish baat
        bada badhiya bahar bahut baith bakwas bana banaya bande bas bata batao bate bekaar bekar bhagwan bhai bhaiya
        bharat bhi bhot bht bilkul bohot bola bolna bolo bolta bolte bolti bura chahie chahiye chahta chahte chal
        chala chale chalo chalta chalu chhod chod chor chunav de dekh dekha dekhi dekhna dekho dekhte dena desh
        deshbhakt dete dikhta din diya diye do dono dost dosto dua dunia duniya ek faltu fir gaali gaane galat gana
        gandi gaon gareeb garmi gaya gaye gayi ghar ghatiya ghoom haa haan haath hai hain ham hamara hamare hamari
        hamein hamesha haq har haram hardik hasi hata hindustan ho hoga hogi hona hone honge hoon hota hote hoti hu
        hua hue hui hum humara humare humein hun huwa ika insaan is isi isiliye iska iske iski isko isliye itna itne
        itni jaa jaane jaata jaate jab jai jaisa jaise jaisi jaldi janm janmdin janta jao jata jate jati jee jeena
        jeet jhooth ji jis jiske jisko jitna jo jodi jyada ka kaafi kaam kab kabhi kaha kahan kahani kahi kahin kaho
        kahta kahte kaisa kaise kal kam kamaal kar karega karegi karein karenge karke karna karne karo karta karte
        karti karun karunga karwa kaun ke kehna kehta kehte kehti khana khilaf khud khuda khush ki kisan kisano kisi
        kisne kitna kitne kiya kiye ko koi kr krna kro krte kuch kuchch kuchh kya kyo kyu kyuki kyun kyunki la ladka
        ladke ladki laga lagi lagta le lekar leke lekin lena liya liye log logo logon maa maarna magar mai main maja
        mast mat matlab maza me mein mera mere meri mil mila milega milna milta milte morcha mujhe mujhko mujhse
        mummy mushkil na naa naam nahi nahin nai neta nhi nhin nikal paas padega padta pagal pahle paisa paise par
        pata pe pehla pehle pehli phir piche poora pura purana pyaar pyar pyari qki raat raha rahe rahi raho rakh
        rakhna rha rhe rhi rona rote roz saab saal saala saas saath sab sabhi sabko sabse sach sachchi sahi sakta
        sakte sakti sala samajh samay sarkar sasta sath savdhan se shaam sharam shayad sheher shubh shukriya sirf
        subah sun sunkar suno sunta sunte sunti ta tab tabhi tak tarah tera tere teri tha thak the theek thi thik
        thoda toh tu tum tumhara tumhare tumhari tumhe tumko tumse unhe unka unke unki unko us uska uske uski usko
        ussi vahi vala vale vande vo waah waale wah waha wahi waise wala wale wali wapas wapis wo woh yaar yah yaha
        yahan yahi ye yeh zara zaroor zarur zindagi zyada
    """,
}


_SHARED = frozenset(
    [
        "a",
        "am",
        "an",
        "as",
        "come",
        "die",
        "do",
        "he",
        "i",
        "in",
        "la",
        "main",
        "man",
        "me",
        "no",
        "on",
        "per",
        "plus",
        "so",
        "son",
        "us",
        "was",
        "will",
    ]
)
"""English words that are, by spelling, common in another language too. They say nothing."""


def _table(lists: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    english = frozenset(lists["en"].split())
    table: dict[str, list[str]] = {}
    for code, text in lists.items():
        for word in sorted(set(text.split()) - _SHARED):
            if code == "en" or word not in english:
                table.setdefault(word, []).append(code)
    return {word: tuple(codes) for word, codes in table.items()}


LANGUAGES_OF = _table(_WORDS)
"""Lower-case word → the languages (ISO 639) that it speaks for."""
