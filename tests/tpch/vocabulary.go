package tpch

import "strings"

// The words of the specification (4.2.2.13 and 4.2.2.14 of revision 3).

func words(s string) []string { return strings.Fields(s) }

func list(s string) []string { return strings.Split(s, "|") }

var (
	colours = words(`almond antique aquamarine azure beige bisque black blanched blue blush brown burlywood burnished
chartreuse chiffon chocolate coral cornflower cornsilk cream cyan dark deep dim dodger drab firebrick floral forest
frosted gainsboro ghost goldenrod green grey honeydew hot indian ivory khaki lace lavender lawn lemon light lime linen
magenta maroon medium metallic midnight mint misty moccasin navajo navy olive orange orchid pale papaya peach peru pink
plum powder puff purple red rose rosy royal saddle salmon sandy seashell sienna sky slate smoke snow spring steel tan
thistle tomato turquoise violet wheat white yellow`)

	typeSizes     = words("STANDARD SMALL MEDIUM LARGE ECONOMY PROMO")
	typeFinishes  = words("ANODIZED BURNISHED PLATED POLISHED BRUSHED")
	typeMetals    = words("TIN NICKEL BRASS STEEL COPPER")
	boxSizes      = words("SM LG MED JUMBO WRAP")
	boxKinds      = words("CASE BOX BAG JAR PKG PACK CAN DRUM")
	segments      = words("AUTOMOBILE BUILDING FURNITURE MACHINERY HOUSEHOLD")
	priorities    = list("1-URGENT|2-HIGH|3-MEDIUM|4-NOT SPECIFIED|5-LOW")
	instructions  = list("DELIVER IN PERSON|COLLECT COD|NONE|TAKE BACK RETURN")
	shipModes     = list("REG AIR|AIR|RAIL|SHIP|TRUCK|MAIL|FOB")
	regions       = list("AFRICA|AMERICA|ASIA|EUROPE|MIDDLE EAST")
	nations       = list("ALGERIA|ARGENTINA|BRAZIL|CANADA|EGYPT|ETHIOPIA|FRANCE|GERMANY|INDIA|INDONESIA|IRAN|IRAQ|JAPAN|JORDAN|KENYA|MOROCCO|MOZAMBIQUE|PERU|CHINA|ROMANIA|SAUDI ARABIA|VIETNAM|RUSSIA|UNITED KINGDOM|UNITED STATES")
	nationRegions = []int64{0, 1, 1, 1, 4, 0, 3, 3, 2, 2, 4, 4, 2, 4, 0, 0, 0, 1, 2, 3, 4, 2, 3, 3, 1}
)

// weighted is a list of words, each as often as its weight says.
type weighted []string

// weigh reads groups "weight:word|word|...".
func weigh(groups ...string) weighted {
	var w weighted
	for _, g := range groups {
		count, rest, _ := strings.Cut(g, ":")
		n := 0
		for _, d := range count {
			n = n*10 + int(d-'0')
		}
		for _, s := range list(rest) {
			for range n {
				w = append(w, s)
			}
		}
	}
	return w
}

var (
	nouns = weigh("40:packages|requests|accounts|deposits", "20:foxes|ideas|theodolites|pinto beans|instructions",
		"10:dependencies|excuses|platelets|asymptotes", "5:courts|dolphins",
		"1:multipliers|sauternes|warthogs|frets|dinos|attainments|somas|Tiresias|patterns|forges|braids|hockey players|frays|"+
			"warhorses|dugouts|notornis|epitaphs|pearls|tithes|waters|orbits|gifts|sheaves|depths|sentiments|decoys|realms|pains|grouches|escapades")
	verbs = weigh("20:sleep|wake|are|cajole|haggle", "10:nag|use|boost", "5:affix|detect|integrate",
		"1:maintain|nod|was|lose|sublate|solve|thrash|promise|engage|hinder|print|x-ray|breach|eat|grow|impress|mold|poach|serve|run|"+
			"dazzle|snooze|doze|unwind|kindle|play|hang|believe|doubt")
	adjectives = weigh("50:regular", "40:final|ironic", "30:even", "20:special|pending|unusual|express|bold", "10:silent",
		"1:furious|sly|careful|blithe|quick|fluffy|slow|quiet|ruthless|thin|close|dogged|daring|brave|stealthy|permanent|enticing|idle|busy")
	adverbs = weigh("50:furiously|slyly|carefully", "40:blithely", "30:quickly", "20:fluffily",
		"1:sometimes|always|never|slowly|quietly|ruthlessly|thinly|closely|doggedly|daringly|bravely|stealthily|permanently|enticingly|"+
			"idly|busily|regularly|finally|ironically|evenly|boldly|silently")
	prepositions = weigh("50:about|above|according to|across|after", "40:against|along", "30:alongside of|among", "20:around", "10:at",
		"1:atop|before|behind|beneath|beside|besides|between|beyond|by|despite|during|except|for|from|in place of|inside|instead of|into|"+
			"near|of|on|outside|over|past|since|through|throughout|to|toward|under|until|up|upon|whithout|with|within")
	auxiliaries = list("do|may|might|shall|will|would|can|could|should|ought to|must|will have to|shall have to|could have to|" +
		"should have to|must have to|need to|try to")
	ends = weigh("50:.", "1:;|:|?|!|--")
)
