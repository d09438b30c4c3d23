package trace

// What Step.Why can say; whys has the sentences.
const (
	WhyInside    = "inside"
	WhyHandover  = "handover"
	WhyReinject  = "reinjected"
	WhyGateway   = "gateway"
	WhyBorder    = "border"
	WhyBegan     = "began-inside"
	WhyNoAddress = "no-address"
	WhyUnstamped = "unstamped-hop"
	WhyLoop      = "loop"
	WhyTooLong   = "too-long"
	WhyOwn       = "own"
	WhyLogin     = "login"
	WhyScript    = "script"
	WhyClient    = "client"
	WhyRelay     = "relay"
	WhyWeb       = "web"
	WhyClaim     = "claim"
	WhyFraming   = "framing"
)

// whys explains each step in a sentence.
var whys = map[string]string{
	WhyInside:    "the client is inside the site that wrote the line, so the next line counts",
	WhyHandover:  "no client: the message went from queue to queue inside one host",
	WhyReinject:  "a local user put it back, as filters do: the same host wrote the next line",
	WhyGateway:   "the client is the recipient's inbound gateway, by its MX",
	WhyBorder:    "the first client outside the reporting site: its address is the origin",
	WhyBegan:     "the message began at the reporting site itself: a local user, a web page or a login",
	WhyNoAddress: "a client on the network, but the line shows no address that the server saw",
	WhyUnstamped: "somebody else wrote this line: a host in between did not stamp, so the origin is unknown",
	WhyLoop:      "the client is the site behind the gateway: the message went in a loop, and the next line is the site's again",
	WhyTooLong:   "too many names to look up on the way here: the walk was given up, so the origin is unknown",
	WhyOwn:       "the client is a server of ours, so the next line is its",
	WhyLogin:     "the client logged in at our server",
	WhyScript:    "a program on our server submitted it",
	WhyClient:    "a client of our own networks, without a login",
	WhyRelay:     "from outside, without a login: our server passed it on",
	WhyWeb:       "the web page that submitted it under the login above: its visitor is the client",
	WhyClaim:     "below the border: whoever sent the message can have written this",
	WhyFraming:   "below the border, and it names servers of ours: a framing attempt, or a message that we did send and a stranger passed on",
}

// Says gives the step's reason as a sentence.
func (s Step) Says() string { return whys[s.Why] }
