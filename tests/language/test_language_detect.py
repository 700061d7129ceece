"""Language detection, and how often it is right on sentences written for this test."""

import pytest

from steadyhand.language.detect import UNKNOWN, language_of

SAMPLES = {
    "en": (
        "My parcel has not arrived and nobody answers the phone.",
        "Please cancel the subscription before the end of the month.",
        "The invoice you sent us on Friday is wrong.",
        "How do I reset my password?",
        "We were charged twice for the same order.",
    ),
    "de": (
        "Mein Paket ist noch nicht angekommen und niemand geht ans Telefon.",
        "Bitte kündigen Sie das Abonnement vor Ende des Monats.",
        "Die Rechnung vom Freitag ist falsch.",
        "Wie kann ich mein Passwort zurücksetzen?",
        "Uns wurde die gleiche Bestellung zweimal berechnet.",
    ),
    "fr": (
        "Mon colis n'est pas arrivé et personne ne répond au téléphone.",
        "Merci de résilier l'abonnement avant la fin du mois.",
        "La facture que vous nous avez envoyée vendredi est fausse.",
        "Comment puis-je réinitialiser mon mot de passe ?",
        "Nous avons été débités deux fois pour la même commande.",
    ),
    "es": (
        "Mi paquete no ha llegado y nadie contesta el teléfono.",
        "Por favor, cancelen la suscripción antes de fin de mes.",
        "La factura que nos enviaron el viernes está mal.",
        "¿Cómo puedo cambiar mi contraseña?",
        "Nos han cobrado dos veces por el mismo pedido.",
    ),
    "it": (
        "Il mio pacco non è arrivato e nessuno risponde al telefono.",
        "Vi prego di disdire l'abbonamento prima della fine del mese.",
        "La fattura che ci avete inviato venerdì è sbagliata.",
        "Come posso cambiare la mia password?",
        "Ci avete addebitato due volte lo stesso ordine.",
    ),
    "nl": (
        "Mijn pakket is niet aangekomen en niemand neemt de telefoon op.",
        "Kunt u het abonnement voor het einde van de maand opzeggen?",
        "De factuur die u ons vrijdag stuurde klopt niet.",
        "Hoe kan ik mijn wachtwoord wijzigen?",
        "We hebben twee keer betaald voor dezelfde bestelling.",
    ),
    "pt": (
        "A minha encomenda não chegou e ninguém atende o telefone.",
        "Por favor, cancelem a assinatura antes do fim do mês.",
        "A fatura que nos enviaram na sexta-feira está errada.",
        "Como posso mudar a minha senha?",
        "Fomos cobrados duas vezes pelo mesmo pedido.",
    ),
    "tr": (
        "Paketim gelmedi ve kimse telefona cevap vermiyor.",
        "Lütfen aboneliği ay sonundan önce iptal edin.",
        "Cuma günü gönderdiğiniz fatura yanlış.",
        "Şifremi nasıl değiştirebilirim?",
        "Aynı sipariş için iki kez ödeme alındı.",
    ),
    "sv": (
        "Mitt paket har inte kommit fram och ingen svarar i telefon.",
        "Vänligen avsluta prenumerationen före slutet av månaden.",
        "Fakturan som ni skickade till oss i fredags är fel.",
        "Hur kan jag byta mitt lösenord?",
        "Vi har betalat två gånger för samma beställning.",
    ),
    "da": (
        "Min pakke er ikke kommet, og ingen tager telefonen.",
        "Opsig venligst abonnementet inden udgangen af måneden.",
        "Den faktura, I sendte os i fredags, er forkert.",
        "Hvordan kan jeg ændre min adgangskode?",
        "Vi har betalt to gange for den samme ordre.",
    ),
    "no": (
        "Pakken min har ikke kommet frem, og ingen svarer på telefonen.",
        "Vennligst si opp abonnementet før slutten av måneden.",
        "Fakturaen dere sendte oss på fredag er feil.",
        "Hvordan kan jeg endre passordet mitt?",
        "Vi har betalt to ganger for den samme bestillingen.",
    ),
    "fi": (
        "Pakettini ei ole saapunut eikä kukaan vastaa puhelimeen.",
        "Olkaa hyvä ja perukaa tilaus ennen kuun loppua.",
        "Perjantaina lähettämänne lasku on väärin.",
        "Miten voin vaihtaa salasanani?",
        "Meiltä veloitettiin kaksi kertaa sama tilaus.",
    ),
    "pl": (
        "Moja paczka nie dotarła i nikt nie odbiera telefonu.",
        "Proszę anulować subskrypcję przed końcem miesiąca.",
        "Faktura, którą wysłaliście nam w piątek, jest błędna.",
        "Jak mogę zmienić hasło?",
        "Obciążono nas dwa razy za to samo zamówienie.",
    ),
    "cs": (
        "Můj balík nedorazil a nikdo nebere telefon.",
        "Zrušte prosím předplatné před koncem měsíce.",
        "Faktura, kterou jste nám poslali v pátek, je špatně.",
        "Jak si mohu změnit heslo?",
        "Byla nám dvakrát účtována stejná objednávka.",
    ),
    "ro": (
        "Coletul meu nu a ajuns și nimeni nu răspunde la telefon.",
        "Vă rog să anulați abonamentul înainte de sfârșitul lunii.",
        "Factura pe care ne-ați trimis-o vineri este greșită.",
        "Cum îmi pot schimba parola?",
        "Am fost taxați de două ori pentru aceeași comandă.",
    ),
    "hu": (
        "A csomagom nem érkezett meg, és senki nem veszi fel a telefont.",
        "Kérem, mondják le az előfizetést a hónap vége előtt.",
        "A pénteken küldött számla hibás.",
        "Hogyan tudom megváltoztatni a jelszavamat?",
        "Kétszer vonták le ugyanazt a rendelést.",
    ),
    "ru": (
        "Моя посылка не пришла, и никто не отвечает на звонки.",
        "Пожалуйста, отмените подписку до конца месяца.",
        "Счёт, который вы прислали в пятницу, неверный.",
        "Как мне сменить пароль?",
        "С нас дважды взяли деньги за один и тот же заказ.",
    ),
    "uk": (
        "Моя посилка не прийшла, і ніхто не відповідає.",
        "Як мені змінити пароль?",
        "Рахунок неправильний, виправте його.",
    ),
    "bg": (
        "Пратката ми не е пристигнала и никой не отговаря на телефона.",
        "Как мога да сменя паролата си? Фактурата е грешна и трябва да бъде сменена.",
    ),
    "el": ("Το δέμα μου δεν έφτασε.", "Πώς μπορώ να αλλάξω τον κωδικό μου;"),
    "ar": ("لم تصل شحنتي بعد.", "كيف يمكنني تغيير كلمة المرور؟"),
    "he": ("החבילה שלי לא הגיעה.",),
    "ja": ("荷物がまだ届いていません。", "パスワードを変更する方法を教えてください。"),
    "zh": ("我的包裹还没有到。", "如何修改密码？"),
    "ko": ("소포가 아직 도착하지 않았습니다.",),
    "hi": ("मेरा पार्सल अभी तक नहीं आया है।",),
    "th": ("พัสดุของฉันยังไม่มาถึง",),
}  # fmt: skip
CASES = [(language, text) for language, texts in SAMPLES.items() for text in texts]


def test_nine_short_messages_of_ten_are_named_and_hardly_any_wrongly():
    found = [(language, language_of(text), text) for language, text in CASES]
    right = sum(expected == named for expected, named, _ in found)
    wrong = [case for case in found if case[1] not in {case[0], UNKNOWN}]
    assert right / len(found) >= 0.90, [case for case in found if case[0] != case[1]]
    assert len(wrong) / len(found) <= 0.03, wrong


@pytest.mark.parametrize("language", [tag for tag in SAMPLES if len(SAMPLES[tag]) >= 5])
def test_a_paragraph_is_always_named(language: str):
    assert language_of(" ".join(SAMPLES[language])) == language


@pytest.mark.parametrize("text", ["", "12345 !!", "OK", "Xk Zq", "SKU-4711", "\x00\ufffd", "🙂🙂🙂"])
def test_what_says_too_little_is_undetermined(text: str):
    assert language_of(text) == UNKNOWN


def test_a_long_text_is_read_in_part_only():
    assert language_of("The order was sent to the wrong address. " * 100_000) == "en"
