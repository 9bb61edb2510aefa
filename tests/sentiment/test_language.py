"""Language identification as the worker uses it."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.language import FEW_LETTERS, MIN_CONFIDENCE, Language, detect_language
from sentiment.text import normalise
from tests.data import data_file
from tests.processes import run_python

FOREIGN = {
    "de": """
        Ich kann heute einfach nicht aufhören zu lachen
        warum ist mein Handy eigentlich immer leer
        Guten Morgen zusammen habt einen schönen Tag
        Das Spiel gestern war echt der Hammer
        kein Bock auf Schule morgen
        Die Bahn hat mal wieder 40 Minuten Verspätung
        boah ist das warm draußen
        Schon wieder Stau auf der A7 ich krieg die Krise
        endlich Wochenende jetzt erstmal Pizza
        Hab grad voll den guten Film gesehen
        Nee danke, da geh ich lieber schlafen
        Support antwortet seit Tagen nicht sehr schade
        Glückwunsch an den neuen Meister verdient gewonnen
        Mein Kater liegt auf der Tastatur und schnurrt
    """,
    "es": """
        ya no aguanto más este calor en serio
        alguien sabe a qué hora empieza el partido
        me encanta esta canción la escucho todo el día
        el pedido llegó tarde y encima está roto
        buenos días a todos feliz lunes
        qué ganas de que llegue el viernes por favor
        no puedo creer lo que acaba de pasar
        mi jefe es lo peor del mundo
        hoy me voy a dormir temprano porque mañana madrugo
        la nueva actualización no sirve para nada
        estoy llorando de la risa con este video
        gracias por tanto cariño los quiero mucho
        se cayó internet otra vez en mi casa
        vaya golazo de Messi anoche
    """,
    "fr": """
        j'en peux plus de ce lundi vivement le week-end
        trop contente d'avoir vu le concert hier soir
        le service client ne répond jamais c'est vraiment nul
        bonne journée à tous et merci pour vos messages
        je suis dégoûté du match de ce soir franchement
        mais pourquoi il fait aussi froid aujourd'hui
        on a passé une super soirée avec les copains
        ma connexion internet marche encore pas merci orange
        c'est quoi ce délire avec la grève des trains demain
        vous avez vu le dernier épisode il est incroyable
        j'ai tellement faim mais la flemme de cuisiner
        le nouveau film est pas mal du tout je recommande
        encore une journée de merde au boulot
        ptdr t'es trop drôle toi j'adore
    """,
    "it": """
        oggi proprio non ho voglia di fare niente
        ma quanto è bella questa canzone
        il treno è di nuovo in ritardo che novità
        buongiorno a tutti e buona domenica
        non vedo l'ora di andare in vacanza
        questa app non funziona più dopo l'aggiornamento
        ieri sera ho visto un film bellissimo
        mi sono svegliata con un mal di testa tremendo
        grazie mille per il supporto siete i migliori
        ma come si fa a sbagliare un rigore così
        il governo non ha capito nulla come sempre
        che bello tornare a casa dopo una giornata così
        qualcuno mi spiega perché piove sempre nel weekend
        ho aspettato due ore e nessuno ha risposto
    """,
    "pt": """
        não aguento mais esse calor meu deus
        alguém me ajuda com a prova de amanhã
        que jogo horrível do meu time ontem
        bom dia pra todo mundo menos pra quem inventou a segunda
        tô com tanta fome que comeria qualquer coisa
        o aplicativo parou de funcionar depois da atualização
        saudade de quem nem lembra que eu existo
        essa música não sai da minha cabeça
        obrigada pelo carinho de vocês
        meu pedido ainda não chegou e ninguém responde
        vou dormir cedo hoje porque estou morta
        esse filme é muito bom recomendo demais
        minha internet caiu de novo que ódio
        hoje eu só queria ficar em casa
    """,
    "ar": """
        التطبيق لا يعمل منذ التحديث الأخير
        صباح الخير يا جماعة يوم سعيد للجميع
        والله تعبت من هذا الجو الحار
        مبروك الفوز للمنتخب اليوم
        خدمة العملاء سيئة جدا ولا أحد يرد
        أحب هذه الأغنية كثيرا
        ليش الطلب تأخر كل هذا الوقت
        يا رب احفظ أهلنا في كل مكان
    """,
    "hi": """
        yaar ye app bilkul bekar hai paise waste mat karo
        bhai kya mast movie thi maza aa gaya
        aaj ka match dekha kya Kohli ne kamaal kar diya
        mujhe samajh nahi aata ye log aisa kyun karte hai
        modi ji ne desh ke liye bahut kuch kiya hai
        kal se internet nahi chal raha hai koi help karo
        are bhai itna late delivery kyun ho raha hai
        tumhare bina jeena mushkil hai yaar
        sab log apne ghar me raho aur safe raho
        bahut accha kaam kiya hai aapne sir ji
        ye sarkar kisano ki baat nahi sunti
        happy birthday bhai khush raho hamesha
        mera order abhi tak nahi aaya 5 din ho gaye
        kitna bhi kar lo in logo ko kuch nahi dikhta
        jai hind jai bharat vande mataram
        pagal ho gaya hai kya kuch bhi bolta hai
        iss film ko dekh ke rona aa gaya
        customer care wale phone hi nahi uthate
        apna time aayega ek din dekh lena
        wo ladki bahut pyari hai dil le gayi
        यह ऐप बिल्कुल बेकार है पैसे मत खर्च करो
        आज का मैच बहुत शानदार था
        सरकार किसानों की बात नहीं सुनती
        आप सभी को दीवाली की शुभकामनाएं
        मेरा ऑर्डर अभी तक नहीं आया
        क्या बात है बहुत अच्छा काम किया
    """,
}
"""Written for this test, as people write on the net; one per line. Hindi in both scripts."""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The app keeps crashing when I try to log in since the last update", "en"),
        ("Die App stürzt seit dem letzten Update ständig ab, sehr ärgerlich", "de"),
        ("La aplicación no funciona desde la última actualización, muy mal servicio", "es"),
        ("Приложение постоянно вылетает после последнего обновления", "ru"),
        ("このアプリは更新してから使えなくなりました、とても残念です", "ja"),
    ],
)  # fmt: skip
def test_sentences(text: str, code: str) -> None:
    """Whole sentences get their language, and only English is supported."""
    language = detect_language(text)
    assert language.code == code
    assert language.confidence > MIN_CONFIDENCE
    assert language.unsupported == (code != "en")


@pytest.mark.parametrize("text", ["", "   ", "12345 !!!", "\U0001f600\U0001f600", "5/10"])
def test_no_letters(text: str) -> None:
    """Without letters there is no language."""
    assert detect_language(text) == Language(None, 0.0, False)


@pytest.mark.parametrize("text", ["gut", "muy mal", "c'est nul", "schlecht !!!!!!!!!!!!!!!!"])
def test_short_texts_are_never_unsupported(text: str) -> None:
    """A few letters, or one word, are too few to be sure."""
    assert not detect_language(text).unsupported


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("Grazie Bella!", True),
        ("che ho fatto?", True),
        ("Gar nicht, du?", True),
        ("kisi ko pata?", True),
        ("Fantabulous!!", False),
        ("Andy Kaufman", False),
        ("ciao for now", False),
    ],
)
def test_few_words_are_unsupported_if_they_are_function_words(text: str, foreign: bool) -> None:
    """What the model guesses of a name or a made-up word counts for nothing, and one English word decides."""
    assert detect_language(text).unsupported == foreign


def test_shouting_is_read_like_speaking() -> None:
    """Capital letters do not change the language of a text."""
    assert detect_language("THIS APP IS TERRIBLE AND NOBODY ANSWERS MY MAILS").code == "en"


def test_line_breaks_and_long_texts() -> None:
    """Lines are one text; what follows the first 1,000 characters does not count."""
    english = "The app keeps crashing\nwhen I try to log in.\r\n" * 40
    assert detect_language(english + "Das ist alles sehr ärgerlich. " * 500) == detect_language(english)


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_text_has_an_answer(text: str) -> None:
    """There is never an exception; confidence is a probability, and an unsupported text has enough letters."""
    language = detect_language(text)
    assert 0.0 <= language.confidence <= 1.0
    assert not language.unsupported or 2 * sum(map(str.isalpha, text)) >= FEW_LETTERS


def test_threads_agree() -> None:
    """Many threads get the answers that one gets."""
    texts = ["The update broke everything for me", "Das Update hat alles kaputt gemacht", "No funciona nada hoy"] * 40
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(detect_language, texts)) == [detect_language(text) for text in texts]


def test_nothing_is_downloaded() -> None:
    """Loading the model, which a process does once, opens no connection."""
    done = run_python(
        "import os, socket\n"
        "from sentiment.language import detect_language\n"
        "socket.socket.connect = lambda *_: os._exit(1)\n"
        "print(detect_language('The app keeps crashing when I log in').code)"
    )
    assert done.stdout == "en\n", done.stderr


@pytest.mark.parametrize("code", FOREIGN)
def test_tweets_in_other_languages_are_flagged(code: str) -> None:
    """At least 95 in 100, with the names and links that people put around them."""
    texts = [line.strip() for line in FOREIGN[code].strip().splitlines()]
    flags = [detect_language(text).unsupported for line in texts for text in (line, f"@user {line} http", line.lower())]
    assert sum(flags) >= 0.95 * len(flags)


def test_english_that_looks_foreign_is_not_flagged() -> None:
    """Names, shouting, slang, devices and a borrowed word or two."""
    for text in (
        "Love Netflix soooo much!",
        "Die Hard was so good, man",
        "omg lol ur so cute haha",
        "RIP Juan Carlos Garcia, you were the best",
        "The kimchi at La Casa de Papa was to die for",
        "hai guys, main issue: the app crashes on login",
        "no me gusta is all the Spanish I know",
    ):
        assert not detect_language(text).unsupported, text


def test_english_is_rarely_flagged() -> None:
    """At most one in a hundred English tweets."""
    rows = pd.read_json(data_file("dev.jsonl.gz"), lines=True)
    tweets = rows["text"][rows["source"] == "semeval_tweets"]
    flags = [detect_language(normalise(text)).unsupported for text in tweets]
    assert len(flags) > 1_000
    assert sum(flags) <= 0.01 * len(flags)
