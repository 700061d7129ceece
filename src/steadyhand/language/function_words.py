"""The small words that every text of a language is full of: stop words for search, fingerprints for detection.

Keys are BCP 47 primary tags. Words are lowercase and NFC; those that carry meaning in business texts (`not`, `no`,
`nicht`, numbers) are left out on purpose, because removing them changes what a passage says.
"""

from collections.abc import Mapping
from types import MappingProxyType

_WORDS = {
    "en": """
        a about after all also am an and any are as at be because been before being both but by can
        could did do does doing for from had has have having he her hers him his how i if in into is it
        its just may me might more most much must my of on only or other our ours out over shall she
        should so some such than that the their theirs them then there these they this those to too
        under until up us very was we were what when where which while who whom whose why will with
        would you your yours i'm i've i'd i'll you're it's that's there's we're they're what's who's
        let's""",
    "de": """
        ab aber alle allem allen aller alles als also am an auch auf aus bei beim bis da damit dann das
        dass dein dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch du durch
        ein eine einem einen einer eines er es etwas euch euer für gegen hat hatte hatten haben habe
        hier ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes
        jetzt kann können man mehr mein meine meinem meinen meiner mich mir mit muss müssen nach noch
        nun nur ob oder ohne sehr sein seine seinem seinen seiner seit sich sie sind so soll sollen
        sondern über um und uns unser unsere unserem unseren unter vom von vor wann war waren warum was
        weil welche welchem welchen welcher welches wenn wer werde werden wie wieder wir wird wo wurde
        wurden zu zum zur zwischen""",
    "fr": """
        à afin ai ainsi alors après au aucune aussi autre autres aux avait avant avec avez avons ayant c
        ce ceci cela celle celles celui ces cet cette ceux chez comme comment d dans de depuis des donc
        dont du elle elles en entre est et étaient était été être eu eux fait faut il ils j je jusqu l
        la le les leur leurs lors lui m ma mais me même mes moi mon n nos notre nous on ont ou où par
        parce pendant peut plus pour pourquoi qu quand que quel quelle quelles quels qui quoi s sa sans
        se selon sera ses si son sont sous sur t ta te tes toi ton tous tout toute toutes très tu un une
        vers vos votre vous y""",
    "es": """
        a al algo algunas algunos ante antes aquí así aunque cada como cómo con contra cual cuál cuando
        cuándo cuánto cuántos de del desde donde dónde durante e el él ella ellas ellos en entre era
        eran es esa ese eso esos esta está están estas este esto estos fue fueron ha había hace hacia
        han hasta hay la las le les lo los más me mi mientras mis mucho muy nos nosotros nuestra nuestro
        o os otra otras otro otros para pero poco por porque pues puede qué que quien quién se sea según
        ser si sí sido sin sobre son su sus también tan tanto te tiene tienen todo todos tu tus un una
        unas uno unos usted ustedes y ya yo""",
    "it": """
        a ad agli ai al alla alle allo anche ancora avere aveva che chi ci ciò coi col come con contro
        cosa così cui d da dagli dai dal dalla dalle dallo degli dei del dell della delle dello di dopo
        dove due e è ed era erano essere fra gli ha hai hanno ho i il in io l la le lei li lo loro lui
        ma mentre mi mia mie miei mio molto ne negli nei nel nell nella nelle nello noi nostra nostro o
        ogni oppure per perché però più poi può qual quale quali quando quanti quanto quasi quella
        quelle quelli quello questa queste questi questo qui s se sempre si sia siamo siete sono sopra
        sotto sta stata stati stato su sua sue sugli sui sul sull sulla sulle suo suoi tra tu tua tuo
        tutti tutto un una uno vi voi vostra vostro all dall""",
    "nl": """
        aan al alle als altijd andere bij daar dan dat de deze die dit door dus een eens en er ook op
        over haar had heb hebben heeft heel hem het hier hij hoe hoeveel hun ik in is ja je jij jouw kan
        kon kunnen maar me meer men met mij mijn moet moeten na naar nog nu of om omdat onder ons onze
        te tegen toch toen tot tussen u uit uw van veel voor waar waarom want waren was wat we wel welk
        welke werd werden wie wij wil worden wordt zal ze zelf zich zij zijn zo zonder zou zullen""",
    "pt": """
        a à ao aos aquela aquele aquilo as às até cada com como da das de dela dele deles depois desde
        dessa desse desta deste do dos e é ela elas ele eles em entre era eram essa essas esse esses
        esta está estão estas este estes eu foi foram há isso isto já lhe lhes mais mas me meu meus
        minha minhas muito na nas nem no nos nós nossa nosso num numa o onde os ou para pela pelas pelo
        pelos por porque pode qual quais quando quantos que quem são se seja sem ser será seu seus sido
        sob sobre sua suas também te tem têm tinha tudo um uma umas uns você vocês""",
    "tr": """
        acaba ama ancak artık aslında az bana bazı belki ben benim beni bile bir biraz biri birçok biz
        bize bizim bu buna bunu bunun burada bütün çok çünkü da daha de defa diye dolayı eğer en fakat
        gibi göre hangi hani hem hep hepsi her hiçbir için ile ilgili ise işte kaç kadar karşı kendi kez
        ki kim kime kimin mı mi mu mü nasıl ne neden nedir nerede nereye niçin niye o olan olarak oldu
        olduğu olduğunu olması olur on ona ondan onlar onların onu onun önce sana sanki sen seni senin
        siz sizin sonra şey şu tarafından tüm üzere üzerinde var ve veya ya yani yapılan zaman""",
    "sv": """
        alla allt att av bara blev bli blir den denna deras dess dessa det detta dig din dina du där
        efter eller en ett från för göra ha hade han hans har henne hennes hon honom hur här i ingen
        innan jag kan kommer kunde man med mellan men mer mig min mina mot mycket ni när nu något några
        och också om oss på samma sedan ska skall skulle som så sådan till under upp ut utan vad var
        vara varför varit vem vi vid vilka vilken vilket våra vår är över""",
    "da": """
        af alle andet at blev blive bliver da de dem den denne der deres det dette dig din disse dog du
        efter eller en end er et for fordi fra få har have havde ham han hans hende hendes her hos hun
        hvad hvem hvilken hvilket hvis hvor hvordan hvorfor hvornår i jeg jer kan kunne man mange med
        meget mellem men mig min mine mit måtte ned noget nogle nu når og også om op os over på selv sig
        sin skal skulle som så til ud under var ved vi vil ville vor være været""",
    "no": """
        alle at av bare begge ble blei bli blir da de deg dem den denne der dere deres det dette din
        disse du eller en enn er et ett etter for fordi fra før ha hadde han hans har henne hennes her
        hun hva hvem hvilken hvilke hvilket hvis hvor hvordan hvorfor i ikkje jeg kan kom kunne man
        mange med meg mellom men mer mest min mitt mot mye noe noen nå når og også om opp oss over på
        samme seg selv sin sitt skal skulle slik som så til um under ut uten var ved vi vil ville vår
        være vært""",
    "fi": """
        ei että he hän hänen ja jo jos joka jolla jonka jossa josta jota jotka joiden kanssa kaikki
        koska kuin kun kuinka me mikä miksi milloin missä mistä mitä mitkä mukaan mutta myös ne niiden
        niin niitä noin nyt näin nämä näiden oli olivat olla olen olemme olette olevan on ovat ole ollut
        se sekä sen siitä sillä siinä sinä sitten sitä tai te tämä tämän tässä tästä tätä vain vai voi
        voidaan voivat yli kuka ketä minun minä sinun meidän teidän heidän asti jälkeen ennen aikana""",
    "pl": """
        a aby albo ale ani bardzo bez bo by być był była było były będzie będą chce ci co czy czyli dla
        do gdy gdzie go i ich ile im innych ja jak jaka jaki jakie jako je jednak jego jej jest jeszcze
        jeśli już każdy kiedy kim kto która które którego której których który którym którzy ma mają
        może możesz można mi mnie mój my na nad nam nas nasz niż o od ona one oni ono oraz po pod
        podczas ponieważ poza przed przez przy są się skąd so sobie swoje ta tak także tam te tego tej
        ten też to tu tych tylko tym u w wam was we wszystkie wszystko więc z za ze że żeby""",
    "cs": """
        a aby aj ale ani asi az až bez bude budou by byl byla byli bylo být co což či dnes do ho i já
        jak jaké jako je jeho jej její jejich jen ještě ji jí jich jim jsem jsi jsme jsou jste k kam kde
        kdo kdy když ke která které kterého kteří který kterou kterým ku má mají mezi mi mít mně může
        můžete na nad nám nás náš o od on ona oni ono pak po pod podle pokud pouze pro proč proto
        protože před přes při s se si své svůj ta tak také takže tam té ten tento této tím to toho
        tohoto tom tomu tu ty u už v vám vás váš ve více však všechny vy z za zde ze že""",
    "ro": """
        a abia acea aceasta această acel acest aceste acestea acestui ai al ale am ar are asta astfel au
        avea aveam aveți ca că care cât când ce cea cei cel cele cine cu cum da dacă dar de deci deja
        despre din dintre doar după ea ei el ele era este eu eram fi fie fiecare fii fost foarte iar îi
        îl îmi în înainte între își îți la le lor lui mai mea mei meu mult ne niște noi nostru noștri o
        or pe pentru prin sa să sau se si și sunt suntem spre sub sunteți ta te tot toate toți tu un una
        unde unei unele unor unui va vă voi vor vostru""",
    "hu": """
        a ahogy aki akik akkor alatt amely amelyek ami az azt azok azért azonban által be csak de e egy
        egyik egyes el ebben ez ezek ezt ezért én és fel fog hogy hogyan hány hol ha hanem így igen is
        itt jó ki kell kellett később két közben között le legyen lehet lenni lesz lett ma már maga meg
        mely melyik mert mi miatt mikor mint minden mit miért most nagyon ő ők olyan ott pedig s sem sok
        számára szerint te tehát több ugyanis új után utána vagy vagyok valaki van vannak való volt
        voltak volna""",
    "ru": """
        а без более бы был была были было быть в вам вас весь во вот все всего всех вы где да даже для
        до его ее её если есть еще ещё же за здесь и из или им их к как какая какие какой ко когда
        который которая которые которых кто ли либо между меня мне может можно мой мы на над надо нам
        нас наш него нее неё них но о об однако он она они оно от очень по под после потому почему при
        про с сам свой свои себя сейчас со так также такой там тебя тем то того тоже только том тот тут
        ты у уже хотя чего чей чем через что чтобы чье чья эта эти это этого этой этом этот я""",
}

FUNCTION_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {language: frozenset(listed.split()) for language, listed in _WORDS.items()}
)
