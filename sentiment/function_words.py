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
        abend aber ach ahnung alle alles als auch auf aus bei beim bekommen besser besten bis bitte bock brauch
        da dabei dafür damit dank danke dann das dass dazu dein deine dem den denn der des dich diese dieser
        dieses dir doch drauf du durch eben echt eher eigentlich ein eine einem einen einer eines einfach einmal
        endlich er erst es etwas euch euer fertig fuer für ganz gar gegen gehen geht geil geld genau gerade
        gerne gibt glaub gleich glückwunsch grad große gut gute guten hab habe haben habt halt hast heute hier
        hätte ich ihm ihn ihr ihre immer ins ist ja jetzt kann kannst kein keine keinen keiner kleine klingt
        kommen kommt kurz können könnte leben leider letzte leute liebe lieber läuft machen macht mal man mehr
        mein meine meinem meinen meiner mich mir mit morgen muss nach nacht natürlich nee nein neu neue neuen
        nich nicht nichts nie nix noch nun nur ob oder ohne richtig schade scheisse scheiße schlecht schnell
        schon schön schöne schönes sehen sehr sei sein seine seinen seit selbst sich sicher sie sieht sind soll
        sonst sowas spaß spielen stunden toll uhr und uns unser unsere unter viel vielleicht voll vom von vor
        wann warum weg weil weiß weniger wenn wer werde werden wie wieder will wir wird wo wohl wollen wurde
        wäre würde zeit zu zum zur zwei über
    """,
    "es": """
        acabo ahora al algo alguien algún amiga amigo amigos amor antes aquí así aunque ayer año años aún bien
        buen buena buenas bueno buenos cada casa casi cierto claro comida como con conmigo contra cosa cosas
        creo cuando cuál cuándo cómo dar de decir deja del desde después dice dicen digo dios donde dormir dos
        día días dónde el ella ellos en entonces entre eres es esa ese eso esos espero esta estaba estamos estar
        estas este esto estos estoy está están feliz fue fuera ganas gente gracias gran gusta ha había hace
        hacen hacer haciendo hasta hay hecho hola horas hoy iba igual ir jajaja la las le les lo los luego mal
        mala malo mamá mañana me mejor mejores menos mi mis mismo momento muchas mucho muchos mundo muy más mí
        nada nadie necesito ni noche nos nosotros nuestra nuestro nueva nuevo nunca o ojalá otra otro para
        parece pasa pasar peor pero personas poco por porque primera puede puedo pues que queda quería quien
        quiero quién qué saber sabes saludos se sea seguro según semana ser serio será sería si sido siempre
        siento sin sobre solo somos son soy su sus sé sí sólo también tampoco tan tanto tarde te tenemos tener
        tengo tenía ti tiempo tiene tienen tienes toda todas todo todos trabajo triste tu tus tú un una uno unos
        usted va vamos vaya veces veo ver verdad vez vida voy y ya yo él último
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
        abbiamo adesso agli ai al alla alle allora almeno altri altro amo amore anche ancora andare anni anno
        appena avere basta bella bello bene bisogno buon buona buonanotte buongiorno c'è capito caro casa cazzo
        ce certo che chi ci ciao come comunque con contro cosa cose così credo cui da dai dal dalla davvero
        degli dei del della delle dello detto deve devo di dice dire domani dopo dove due e ecco ed era essere
        fa facendo fai fanno fare fatto felice finalmente forse forza fosse fra fuori gente giornata giorni
        giorno giusto già gli grande grazie ha hai hanno ho i ieri il in invece io l la lavoro le lei li lo loro
        lui ma mai male me meglio meno mi mia mio molto momento ne nei nel nella nelle nessuno niente nn no noi
        non nostro notte nulla nuova nuovo o oddio odio oggi ogni ora parole per perchè perché però piace piu
        più poco poi posso prima primo proprio può qualche qualcosa qualcuno quale quando quanto quasi quel
        quella quelle quelli quello questa queste questi questo qui ragazzi sarà se seguo sei sembra sempre
        senza sera si sia siamo siete solo sono sotto spero sta stasera stato sto su sua subito sui sul sulla
        sulle suo suoi sì tanto te tempo ti tra troppo tu tua tuo tutte tutti tutto un una uno va vado vai
        vedere vedo vero verso vi visto voglio voi volta vorrei vuole è
    """,
    "pt": """
        acho adorei agora ainda algo alguém além amanhã amei amo amor anos antes ao aos aqui assim assistir até
        aí bem boa bom cada cara casa certeza coisa coisas com começou como coração da daqui dar das de dela
        dele demais depois desde desse deu deus deveria dia dias disse dizer do dormir dos dá e ela ele eles em
        então era essa essas esse esses esta estar estava este estou está estão eu fala falando falar família
        faz fazendo fazer feliz fica ficar fico ficou filhos foi fosse fui gente gosto grande hj hoje hora igual
        isso já kkk kkkk la linda lindo lá mais mal manhã mas me medo meio melhor menos merda mesmo meu meus mim
        minha minhas momento muita muito muitos mulher mundo mãe música na nada nao nas nem nessa nesse ninguém
        no noite nome nos nossa nosso novo nunca não né nós o obrigada obrigado olha onde ontem os ou outra
        outro ouvir pai para parabéns parece passa passar pela pelo pena pessoa pessoas pode por porque porra
        posso pouco pq pra pro quando quase que quem quer queria quero sabe saber sabia sai sair saiu saudade se
        sei seja sem semana sempre sendo ser será seu so sobre sou sua são sério só ta tambem também tanto tao
        tava te tem tempo tenho ter teu teve tinha toda todo todos triste tudo tá tão têm tô um uma vai vamos vc
        vcs vem vendo ver vez vida voce você vocês vontade vou vão é
    """,
    "hi": """
        aadmi aage aaj aaja aana aane aani aankh aao aap aapka aapke aapki aapko aapna aapne aapse aata aate
        aati aaya aaye aayega aayegi aayenge aayi ab abe abhi abki accha acche acchi acha achha achhe achhi achi
        aese agar agr aisa aise aisi ajao akela alag ameer andar andolan apka apke apki apko apna apne apni apse
        arre aur aya ayenge baad baaki baap baar baarish baat baatein bacha bache bacho bachpan bada badhiya
        badi bahar bahi bahot bahut baith baithe bakwas bana banane banao banaya bande banne bano banti bas bata
        batao bate bekaar bekar bhag bhagwan bhai bhaijaan bhaiya bhaiyo bhaiyya bharat bhart bhi bhot bht bhul
        bhut bilkul bina bje bna bohot boht bola bole bolna bolne bolo bolta bolte bolti bta bura buri chahe
        chahie chahiye chahta chahte chahti chal chala chale chalega chalegi chali chalo chalta chalte chalu
        chehra chhod chhota chod chor chota chunav chutti dala de dega dekh dekha dekhe dekhi dekhna dekhne
        dekho dekhta dekhte dena denge desh deshbhakt deta dete deti dhyan dikhta dil dila dimag din diya diye
        dkhi do dokha dono dost dosto dua dunia duniya dusre ek faltu fir firse gaali gaane gai galat gali galti
        gana ganda gandi gaon gareeb garib garmi gaya gaye gayi ghar ghatiya ghoom ghr ghum gussa gya gye gyi
        haa haan haar haath hai hain halat ham hamara hamare hamari hame hamein hamesha han haq har haram harami
        hardik hasi hata hath hein hindustan hmare ho hoga hogai hoge hogi hona hone honge hoon hota hote hoti
        hu hua hue hui hum humara humare humari hume humein hun huwa huye ika inki insaan is isi isiliye iska
        iske iski isko isliye iss isse itna itne itni jaa jaan jaane jaata jaate jaati jaaye jab jagah jaha
        jahan jai jaisa jaise jaisi jaldi janm janmdin janta jao jarur jarurat jata jate jati jaya jaye jayega
        jayegi jayenge jee jeena jeet jeeta jese jhooth jhuth ji jis jise jiske jisko jitna jitni jo jodi jyada
        jyegi ka kaafi kaam kaash kab kabhi kabi kafi kaha kahan kahani kahe kahi kahin kaho kahta kahte kahu
        kaisa kaise kaisi kal kam kamaal kar kare karega karegi karein karenge karke karna karne karo karoge
        karta karte karti karu karun karunga karwa kasam kaun kbhi kbi ke keh kehna kehta kehte kehti kese khada
        khana khane kharab kharid kharidna khata khatam khati khel khelne khilaf khrab khub khud khuda khush
        khushi ki kis kisan kisano kise kisi kisne kitna kitne kitni kitno kiya kiye kiyu ko koi kon kr krega
        krke krna krne kro krta krte krti kuch kuchch kuche kuchh kutta kutte kya kyaa kyo kyu kyuki kyun kyunki
        la ladka ladke ladki laga lage lagi lagta lagti launda launde laya le lega lekar leke lekin lena lenge
        lete lga likha liya liye liyo log logo logon lunga maa maan maar maarna magar mai main maine maja marna
        mast masti mat matlab maza mazaak me mei mein mene mera mere meri mil mila milega milegi milna milne
        milta milte milu mje mjhse modiji morcha mtlb mubarak muje mujh mujhe mujhko mujhse mummy mushkil na naa
        naam nahi nahin nai naya nayi neta nhi nhin nikal nikala paani paas pade padega padh padhne padta padte
        padti pagal pahle paisa paise pakka par pasand pata pe pehla pehle pehli phele phir phle piche poora
        poore pta pura purana purane purani pyaar pyar pyari qki raat raha rahe rahi raho rakh rakhna reh rehna
        rehte rha rhe rhegi rhi rok rona rote roz saab saal saala saale saare saari saas saath sab sabhi sabka
        sabki sabko sabse sach sachchi sahi sakta sakte sakti sala samajh samay sapna sare sarkar sasta sath
        savdhan sbko se shaam shadi sharam shayad sheher shubh shukriya sirf skta smjh soch socha sochta subah
        sun suna sunkar suno sunta sunte sunti ta tab tabhi tak taraf tarah tarh tera tere teri tha thak thand
        the theek thi thik thoda thodi tmhari tod toh tu tujhe tum tumhara tumhare tumhari tumhe tumko tumse
        unhe unhone unka unke unki unko upar us uska uske uski usko usse ussi vahi vala vale vande vo waah waale
        wah waha wahi waisa waise wala wale wali walo wapas wapis waqt wo woh yaaar yaad yaar yah yaha yahan
        yahi yar ye yeh yehi yha yhi yrr zara zaroor zaror zarur zindagi zyada
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
