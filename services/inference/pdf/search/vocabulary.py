"""Words that marks contain."""

from __future__ import annotations

import re

#: The whole text of a mark, ignoring spaces and case. Words of rubber stamps (PAID, APPROVED, RECEIVED) are omitted: those are content.
_LIST = """
draft confidential strictlyconfidential privateandconfidential companyconfidential topsecret secret classified restricted sample specimen
copy donotcopy uncontrolledcopy controlledcopy duplicate original void evaluation evaluationcopy evaluationonly trial trialversion demo
demoversion preview previewonly watermark proof notforproduction notfordistribution internal internaluseonly forinternaluse
forinternaluseonly forreviewonly forreview reviewcopy proprietary unlicensed unregistered example test obsolete superseded expired
preliminary donotdistribute notforsale advancecopy nonvalid unofficial unofficialcopy pending cancelled canceled
entwurf vertraulich strengvertraulich muster kopie probe ungültig nurfürdeninternengebrauch
brouillon confidentiel specimen copie projet échantillon nepasdiffuser
borrador confidencial muestra copia anulado rascunho amostra cópia
bozza riservato campione facsimile
concept vertrouwelijk voorbeeld kopie utkast konfidentiellt udkast luonnos
черновик конфиденциально образец копия
草稿 机密 绝密 保密 样本 样稿 副本 内部资料 仅供参考 水印 草案 作废 下書き 社外秘 機密 見本 部外秘 複写 초안 대외비 견본 기밀 사본
"""
_WORDS = frozenset(_LIST.split())
_CONTAINED = re.compile(
    "confidential|donotcopy|donotdistribute|watermark|internaluseonly|notfordistribution|vertraulich|confidentiel|confidencial"
    "|水印|机密|社外秘|대외비"
)
#: The notices of unlicensed programs. Text like this about a program occurs only in a mark.
_TRIALS = re.compile(
    r"""
      evaluation \s (only|copy|version|warning) .{0,80} (created|www|\.com|with|by|copyright)
    | (created|generated|produced|edited|converted|made|printed|processed) \s+ (with|by|using) .{0,60}
          (trial|evaluation|demo|unregistered|unlicensed|free \s version)
    | (trial|demo|unregistered|unlicensed|evaluation) \s+ (version|copy|edition|mode) .{0,40}
          (of|\.com|www|please|purchase|buy|register|pdf|software)
    | (please \s+ (purchase|buy|register)|purchase \s+ a \s+ licen[sc]e|buy \s now) .{0,60}
          (watermark|remove|full \s version|licen[sc]e|software)
    | to \s+ remove \s+ this \s+ (watermark|message|notice|text)
    | created \s+ with \s+ aspose | spire\.\w+ | watermarkly | pdffactory\s(pro\s)?trial | pdf-xchange .{0,40} (click|buy|www)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_LONGEST = 400
#: How shops and libraries say whose copy it is, or where it came from: without spaces, as `_plain` leaves it.
_PROVENANCE = re.compile(
    "licen[sc]edto|licen[sc]ed(exclusively|solely)(to|for)|licen[sc]edcopy|licen[sc]edfor(the)?(use|sole|exclusive|personal)|licen[sc]eduser"
    "|authori[sz]edlicen[sc]eduse|downloaded([0-9]|from|by|on|at|via|for|to)|preparedexclusivelyfor|purchasedby|(sold|issued|registered)to"
    "|(personal|single)userlicen[sc]e|personalcopyof|ebookof|licensee.{1,60}user|(access|content)?providedby.{2,60}underlicen[sc]e"
    "|(delivered|distributed|supplied)(by|to)|(accessed|retrieved|obtained)(from|on|via)|accessprovidedby|belongsto|boughtby"
    "|reproductionornetworking|forthe(sole|exclusive|personal)useof|exclusivelyfor"
    "|printedby.{2,80}on.{0,30}[0-9]|copy(is|was)?(licen[sc]ed|sold|issued)(to|for)"
    "|lizenziert(für|an)|lizenznehmer|heruntergeladen(von|am|durch|bei)|persönliche(s|r|n)?(exemplar|kopie)|exemplarvon"
    "|(erworben|gekauft|bestellt|bezogen|ausgeliefert|geliefert|bereitgestellt)(von|durch|am|an|bei|über)|zugegriffen(am|von|über)"
    "|téléchargé(e)?(de|par|depuis|le|sur|surle|pour)|licenceaccordéeà|souslicenceà|vendue?à|achetée?par|fournie?par|exemplairede"
    "|descargado(de|desde|por|el)|licenciado(a|para)|conlicenciapara|(comprado|adquirido|proporcionado)(por|en)|usoexclusivode|ejemplarde"
    "|scaricato(da|il)|concessoinlicenzaa|(acquistato|fornito)da|usoesclusivodi"
    "|baixado(de|do|por|em)|fornecidopor|gedownload(van|door|op|via)|gelicentieerdaan|(gekocht|geleverd)(door|aan|via)|eigendomvan"
    "|zakupion[eay]przez|pobran[eoay](z|przez|dnia)|licencjadla|скачанос|загруженос|купленопользователем"
    "|授权给|下载自|下载于|仅供.{1,40}使用"
)
#: The stems of what such lines speak of, in whichever words.
_RELATED = re.compile(
    "licen[sc]|lizen[zs]|licenz|licencj|лиценз|授权|許諾"
    "|download|herunter(geladen|laden)|téléchargé|descargad|scaricat|baixad|pobran|скача|загруж|下载|ダウンロード"
    "|purchas|bought|erworben|gekauft|erwerb|käufer|acheté|acquis|comprad|adquirid|acquistat|zakupi|kupił|gekocht|koper|购买|購入"
    "|(?<!photo)cop(y|ies)(?!right)|kopie|copie|copia|cópia|kopia|exempla|ejemplar|esemplare|egzemplarz|экземпляр|副本"
    "|subscri|abonn|suscri|abbonat|assinante|redistribut|resale|resell|weiterverkauf|weitergabe|reproduc|watermarked"
    "|personaluse|usagepersonnel|usopersonal|usopessoal|accessedby|(loaned|lent|issued|registered)to|propertyof|eigentumvon|propiedadde"
)
_ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_PARTICULARS = re.compile(
    r"\d|@|www\.|://|\w\.(com|org|net|edu|gov|info|example)\b"
    r"|\b(copy|content|use|users?|order|exemplar|kopie|copie|exemplaire|copia|ejemplar|cópia|kopij|licen[sc]e)\b",
    re.IGNORECASE,
)


def is_provenance(text: str) -> bool:
    """Whether a text says whose copy a document is, or where it came from."""
    return len(text) <= _LONGEST and _PROVENANCE.search(_plain(text)) is not None


def is_related(text: str) -> bool:
    """Whether a text speaks of copies, licences, downloads or buyers at all, or says which computer a document went to."""
    return len(text) <= _LONGEST and (_RELATED.search(_plain(text)) is not None or _ADDRESS.search(text) is not None)


def is_particular(text: str) -> bool:
    """Whether such a text names a copy, an order, a date or an address, which the title of a book ("Licensed to Kill") does not."""
    return _PARTICULARS.search(text) is not None


def is_word(text: str) -> bool:
    """Whether a text is, or contains, the usual wording of marks."""
    plain = _plain(text)
    return plain in _WORDS or (len(plain) <= 120 and _CONTAINED.search(plain) is not None)


def is_trial(text: str) -> bool:
    """Whether a text is the notice of a trial version of a program."""
    return _TRIALS.search(" ".join(text[:_LONGEST].split())) is not None


def _plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
