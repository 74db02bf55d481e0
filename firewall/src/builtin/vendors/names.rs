//! Vendors whose tokens are no more than a long run of letters and digits, or a UUID. Names that are words of English are left out:
//! beside a word for secrets the generic rule finds their tokens.

use super::shape::Shape::{self, Alnum, Uuid, Word};

/// What tokens of these vendors look like.
pub(super) const SHAPES: &[Shape] = &[Alnum(20, 90), Word(24, 90), Uuid];

/// Their names as they stand in names of settings, in lower case.
pub(super) const NAMES: [&str; count(TEXT)] = split(TEXT);

const TEXT: &str = "
    abyssale accuweather aerisweather aeroworkflow aftership agora airbrake airship airvisual aletheiaapi allsports alphavantage
    amadeus ambee anypoint apacta api2cart apideck apiflash apifonica apify apilayer apimatic apimetrics apitemplate apollo
    appcues appfollow appointedd appoptics appsynergy apptivo aqicn artsy asknicely audd autodesk autoklose autopilot
    avazapersonal aviationstack axonaut aylien ayrshare bannerbear baremetrics beebole besnappy besttime betterstack billomat
    bingmaps bitbar bitcoinaverage bitfinex bitly bitmex blablabus blazemeter blitapp blocknative bluedart bombbomb boostnote
    borgbase braintree brandfetch browserstack browshot bscscan bugherd bugsnag buildkite bulbul bulksms buttercms caflou
    calendarific calendly calorieninja campayn canny cannyio capsulecrm captaindata carboninterface cashboard caspio censys
    centralstationcrm cexio chartmogul chatfule checio checkmarket checkvist cicero circleci clarifai clearbit clickhelp
    clicksend clientary clinchpad clockify clockworksms closecrm cloudelements cloudimage cloudinary cloudmersive cloudplan
    clustdoc codacy codeclimate codemagic codequiry coinapi coinlayer coinlib coinmarketcap commercejs companyhub
    conversiontools convertapi convertkit convier couchbase countrylayer cryptocompare currencycloud currencyfreaks
    currencylayer currencyscoop currentsapi customerguru customerio dailyco dandelion databox datafire dataform datagov debounce
    deepai delighted demio deputy detectify detectlanguage dfuse diffbot digicert digitalocean disqus dnscheck dockerhub
    docparser documo docusign dovico dronahq droneci dwolla dynalist dyspatch eagleeyenetworks easyinsight ecostruxureit edamam
    edenai eightxeight elasticemail enablex endorlabs envoyapi eraser eventbrite everhour exchangerateapi exchangerates
    exchangeratesapi exportsdk extractorapi faceplusplus facepp fakejson fastforex fetchrss fibery fileio finage findl fixerio
    flatio fleetbase flexport flightapi flightlabs flightstats flowflu fmfw formbucket formcraft formio formsite foursquare
    freshdesk fulcrum fullstory fusebill fxmarket gengo geoapify geocodify geocodio geoipifi geotargetly getgeoapi getgist
    getresponse getsandbox giphy glassnode glitterly gnews goodday goodreads graphcms graphhopper groovehq gtmetrix guardianapi
    gyazo happyscribe hellosign helpcrunch helpscout hereapi hiveage holidayapi honeybadger honeycomb html2pdf hybiscus
    hypertrack iconfinder iexapis iexcloud imagekit imagga imgix imgur infura insightly instamojo integromat interseller
    invoiceocean ip2location ipapi ipdata ipgeolocation ipify ipinfo ipinfodb ipquality ipregistry ipstack jenkins jiratoken
    jotform jumpcloud juro kairos kakao kaleyra kanbantool karmacrm keenio keycdn keyclaim keygen kickbox klaviyo klipfolio
    knapsackpro kontent kylas landbot languagelayer larksuite leadfeeder lemlist lemonsqueezy lendflow lessannoyingcrm lexoffice
    lightspeed lineapi linemessaging linenotify linkpreview liveagent livestorm locationiq loggly loginradius logz lokalise
    loyverse luno mailboxlayer mailerlite mailjet mailmodo mailsac mandrill mapquest marketstack maxcdn mediastack mediavalet
    meistertask memcachier mesibo metaapi metabase metrilo mindmeister mixmax mixpanel mockaroo moesif mojoauth mongolab
    monkeylearn moonclerk moosend moralis mrticktock myfreshworks myintervals nanonets nasa nasdaq netcore nethunt neutrino
    newsapi newscatcher newsdata nexmo nftport ngrok nicereply nightfall noticeable nozbeteams numverify nutritionix nylas oanda
    omnisend onedesk onelogin onepagecrm onesignal onfleet oopspam opencage opencagedata opengraphr openuv openweather
    openweathermap optimizely overloop owlbot packagecloud paddle paldesk pandadoc pandascore paperform paralleldots parsehub
    parseur partnerstack passbase paystack pdflayer pdfshift peopledatalabs pepipost phantombuster photoroom pinata pingdom
    pipedream pipedrive pivotaltracker pixabay plaidkey planviewleankit planyo plivo podio pollsapi polygon portainer postageapp
    posthog postmark powrbot prismic procore prodpad prospectcrm protocolsio proxycrawl publer pubnub purestake pushbullet
    pusher pushover qase qualaroo qualtrics qubole quickbase quickmetrics rainforestpay razorpay reachmail reallysimplesystems
    rebrandly recharge recruitee refiner rentman repairshopr restpack restpackhtmltopdfapi revampcrm revenuecat ringcentral
    ritekit roaring robinhood rollbar route4me rownd runrunit salesblink salescookie salesflare salesforce salesmate satismeter
    saucelabs scalr scrapeowl scraperapi scraperbox scrapersite scraperstack scrapestack scrapfly scrapingant scrapingbee
    screenshotapi screenshotlayer scrutinizer scrutinizerci seatable securitytrails selectpdf serpapi serpstack servicenow
    sheety sherpadesk shipday shodan shotstack shutterstock signable signalwire signaturit signupgenius sigopt simfin simplesat
    simplynoted simvoly sinch sirv siteleaf skrapp skybiometry skyscanner slackwebhook smartsheets smartystreets smooch snipcart
    snovio solarwinds soundcloud sourcegraph sparkpost speechtext speechtextai splunk splunkobservability spoonacular sportradar
    sportsmonk spotify squadcast squareup sslmate stackhawk statuscake statuspage statuspal stitchdata stockdata storecove
    stormboard stormglass storyblok storychief strava stripo stytch sugester sumup supabase superfeedr supernotes surveyanyplace
    surveybot surveysparrow survicate swiftype tailscale tallyfy tatum taxjar teamgate teamwork technicalanalysisapi tefter
    telesign telnyx testingbot textmagic theoddsapi thinkific thousandeyes ticketmaster tickettailor tiingo timecamp timekit
    timezoneapi tineswebhook tmetric todoist toggl tokeet tomorrowio tomtom tradier transferwise travelpayouts travisci
    trelloapi twelvedata twilio tyntec ubidots unplugg unsplash upcdatabase uplead uploadcare uptimerobot upwave urlscan
    userflow userstack uservoice vagrant vatlayer vbout versioneye viewneo virustotal visualcrossing voicegain vonage voodoosms
    vouchery vpnapi vultr vyte walkscore weatherbit weatherstack webex webflow webscraper webscraping websitepulse wepay whoxy
    wistia worksnaps workstack worldcoinindex worldweather wrike xata yelp ynab youneedabudget yousign zenrows zenscrape zenserp
    zeplin zerobounce zerotier zipapi zipbooks zipcodeapi zipcodebase zonka zonkafeedback zoominfo zulip
";

/// How many words a text has.
const fn count(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut words, mut at) = (0, 1);
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() && !bytes[at - 1].is_ascii_whitespace() {
            words += 1;
        }
        at += 1;
    }
    words
}

/// The words of a text that ends in a blank.
const fn split<const WORDS: usize>(text: &'static str) -> [&'static str; WORDS] {
    let mut words = [""; WORDS];
    let (mut rest, mut word) = (text.as_bytes(), 0);
    while word < WORDS {
        let mut length = 0;
        while !rest[length].is_ascii_whitespace() {
            length += 1;
        }
        let (name, behind) = rest.split_at(length);
        if length > 0 {
            words[word] = match std::str::from_utf8(name) {
                Ok(name) => name,
                Err(_) => "",
            };
            word += 1;
        }
        rest = behind.split_at(1).1;
    }
    words
}
