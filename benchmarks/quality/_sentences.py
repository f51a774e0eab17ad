"""Sentences that chance puts together, of which each language has 64, with numbers: text that nothing was tuned on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

_PARTS: Mapping[str, Sequence[Sequence[str]]] = {
    "en": (
        ("The beekeeper's daughters", "My uncle & his ## pigeons", "Judge Whitfield (retired)", "A quiet violin maker"),
        ("bought plums for £#.##", "rang twice and then left", "painted the attic ochre", "walked ## miles in fog"),
        ("on Friday, 1# October 19##.", "at #:4# in the morning!", "because of rain, again?", "for the 1#th year running."),
    ),
    "de": (
        ("Der müde Bäcker Groß", "Die Nachbarin aus Köln", "Jürgens ältere Schwester", "Ein höflicher Zöllner"),
        ("kaufte ## Äpfel für #,## €", "öffnete früh die Fähre", "hörte „Fidelio“ im Süden", "fuhr # km über die Brücke"),
        ("am 1#. März 19##.", "vor 1# Uhr (wie üblich).", "trotz Sturm & Regengüssen!", "zum #. Mal in Österreich."),
    ),
    "fr": (
        ("La sœur aînée du préfet", "Un pêcheur de l'île d'Yeu", "Notre garçon de café", "L'évêque, très âgé,"),
        ("a goûté ## pâtés à l'œuf", "a perdu sa clé à Nîmes", "a payé le thé #,## €", "a relu « Phèdre » chez lui"),
        ("le 1# août 19##.", "à #h1# du matin !", "malgré la neige (déjà).", "dès son arrivée à Orléans."),
    ),
    "es": (
        ("La señora Muñoz, de León,", "El pequeño albañil", "Mi tía Begoña", "Un ingeniero de A Coruña"),
        ("pidió ## piñones y té", "cruzó el río Miño a pie", "leyó «El búho» dos veces", "gastó #,## € en jamón"),
        ("el 1# de junio de 19##.", "¡a las #:4# de la mañana!", "¿y quién lo diría después?", "según el índice (p. ##)."),
    ),
    "pl": (
        ("Młody żeglarz z Gdańska", "Mój sąsiad, pan Wróbel,", "Księgarz spod Łańcuta", "Źle ubrany gość"),
        ("kupił ## śliwek za #,## zł", "znalazł klucz w ogródku", "pożyczył łódkę i wędkę", "zdążył na pociąg do Żar"),
        ("dnia 1# września 19##.", "o #:4# (było już ciemno).", "mimo śnieżycy i mgły!", "niestety już po raz ##."),
    ),
    "cs": (
        ("Mladší truhlář z Třebíče", "Můj děda Bořivoj", "Řezník odněkud z Moravy", "Náš ředitel (v důchodu)"),
        ("koupil ## švestek za # Kč", "ztratil klíč u řeky", "dočetl příběh o žabě", "přešel můstek přes Úpu"),
        ("dne 1#. října 19##.", "v #:4#, těsně před úsvitem.", "navzdory dešti a větru!", "už po ## týdnech, bohužel."),
    ),
    "tr": (
        ("Küçük kardeşim Ayşe,", "İyi kalpli balıkçı,", "Öğretmenimiz Çağrı Bey,", "Komşumuz, eski bir şoför,"),
        ("1# Ağustos 19## günü,", "sabah #:4# sularında,", "yağmura rağmen, yavaşça", "Iğdır'dan dönüşte (yine)"),
        ("## kilo üzüm satın aldı.", "anahtarını düşürdü!", "ışığı görünce güldü.", "çaya #,## lira ödedi."),
    ),
    "zh": (
        ("隔壁的老木匠", "我姐姐和她的同学", "穿红衣服的司机", "两位退休的医生"),
        ("在星期五下午三点", "因为突然下起大雪", "去年十一月#号", "沿着河边慢慢走时"),
        ("买了##斤新鲜苹果。", "弄丢了办公室的钥匙！", "听见远处有人唱歌。", "花#元钱修好了自行车。"),
    ),
    "ja": (
        ("駅前の古い本屋の店主は", "妹と二人の友達が", "赤い帽子の先生は", "となりの大工さんが"),
        ("先週の金曜日、午後#時に", "急に雪が降り出したので", "昭和##年の春から", "川沿いの道でゆっくり"),
        ("りんごを##個買いました。", "会社の鍵をなくしました。", "遠くの歌声を聞いていた。", "自転車を直してもらった。"),
    ),
}
"""Of each language, beginnings, middles and ends; `#` is a digit."""


def sentence(language: str, chance: np.random.Generator) -> Sequence[str]:
    """Three lines."""
    lines = [options[int(chance.integers(len(options)))] for options in _PARTS[language]]
    return [re.sub("#", lambda _: str(chance.integers(1, 10)), line) for line in lines]
