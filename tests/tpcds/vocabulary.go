package tpcds

var (
	genders    = []string{"M", "F"}
	marital    = []string{"M", "S", "D", "W", "U"}
	educations = []string{"Primary", "Secondary", "College", "2 yr Degree", "4 yr Degree", "Advanced Degree", "Unknown"}
	credits    = []string{"Good", "Low Risk", "High Risk", "Unknown"}
	potentials = []string{"0-500", "501-1000", "1001-5000", "5001-10000", ">10000", "Unknown"}
	days       = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

	categories = []string{"Women", "Men", "Children", "Shoes", "Music", "Jewelry", "Home", "Sports", "Books", "Electronics"}
	// classes of a category, in the order of the categories.
	classes = [][]string{
		{"dresses", "fragrances", "maternity", "swimwear"},
		{"accessories", "pants", "shirts", "sports-apparel"},
		{"infants", "newborn", "school-uniforms", "toddlers"},
		{"athletic", "kids", "mens", "womens"},
		{"classical", "country", "pop", "rock"},
		{"bracelets", "diamonds", "earings", "pendants"},
		{"bathroom", "bedding", "decor", "furniture"},
		{"baseball", "camping", "fishing", "football"},
		{"computers", "cooking", "reference", "self-help"},
		{"audio", "monitors", "personal", "portable"},
	}
	makers    = []string{"amalg", "edu pack", "exporti", "importo", "scholar", "brand", "corp", "univ", "maxi", "nameless"}
	syllables = []string{"bar", "ought", "able", "pri", "ese", "anti", "cally", "ation", "eing", "n st"}
	sizes     = []string{"petite", "small", "medium", "large", "extra large", "economy", "N/A"}
	colors    = []string{
		"almond", "azure", "beige", "black", "blue", "burlywood", "chiffon", "coral", "cyan", "dim", "floral", "forest", "ghost",
		"green", "indian", "ivory", "khaki", "lace", "medium", "navy", "olive", "orchid", "peach", "pink", "powder", "red", "saddle",
		"slate", "snow", "yellow",
	}
	units      = []string{"Bunch", "Bundle", "Box", "Case", "Cup", "Dozen", "Dram", "Each", "Gross", "Lb", "N/A", "Ounce", "Oz", "Pallet", "Pound", "Tbl", "Ton", "Tsp", "Unknown"}
	firstNames = []string{"Anna", "Carlos", "Dmitri", "Edith", "Fatima", "George", "Hana", "Ivan", "Julia", "Kofi", "Lena", "Marcus", "Nora", "Oscar", "Priya", "Rosa", "Samuel", "Tariq", "Vera", "Wei"}
	lastNames  = []string{"Adams", "Baker", "Castillo", "Dahl", "Ellis", "Fischer", "Gupta", "Howard", "Ito", "Jensen", "Keller", "Lopez", "Moreau", "Novak", "Okafor", "Price", "Quinn", "Rossi", "Sato", "Turner"}
	countries  = []string{"BRAZIL", "CANADA", "FRANCE", "GERMANY", "GHANA", "INDIA", "ITALY", "JAPAN", "KENYA", "MEXICO", "NORWAY", "UNITED STATES"}

	cities      = []string{"Antioch", "Bethel", "Centerville", "Edgewood", "Fairview", "Five Points", "Glendale", "Liberty", "Midway", "Mount Zion", "Oak Grove", "Pleasant Hill", "Riverside", "Salem", "Shiloh", "Union"}
	streets     = []string{"1st", "2nd", "3rd", "Birch", "Cedar Hill", "Church", "College", "Elm", "Forest", "Hickory", "Jackson", "Lake View", "Main", "Maple", "Oak Ridge", "Park", "River", "Spruce", "Walnut", "Williams"}
	streetTypes = []string{"Ave", "Blvd", "Court", "Dr.", "Lane", "Parkway", "Road", "Street", "Way", "Wy"}
	locations   = []string{"apartment", "condo", "single family"}

	reasons = []string{
		"Package was damaged", "Stopped working", "Did not get it on time", "Not the product that was ordred", "Parts missing",
		"Does not work with a product that I have", "Gift exchange", "Did not like the color", "Did not like the model",
		"Did not like the make", "Did not like the warranty", "No service location in my area", "Found a better price in a store",
		"Found a better extended warranty in a store", "Not working any more", "unauthoized purchase", "duplicate purchase",
		"its is a boy", "it is a girl", "its is a bow", "its is a bike", "its is a blue", "reason 23", "reason 24", "reason 25", "reason 26",
		"reason 27", "reason 28", "reason 29", "reason 30", "reason 31", "reason 32", "reason 33", "reason 34", "reason 35",
	}
	shipTypes = []string{"EXPRESS", "LIBRARY", "NEXT DAY", "OVERNIGHT", "REGULAR", "TWO DAY"}
	shipCodes = []string{"AIR", "BIKE", "SEA", "SURFACE"}
	carriers  = []string{"UPS", "FEDEX", "AIRBORNE", "USPS", "DHL", "TBS", "ZHOU", "ZOUROS", "MSC", "LATVIAN", "ALLIANCE", "ORIENTAL", "BARIAN", "BOXBUNDLES", "GREAT EASTERN", "DIAMOND", "RUPEKSA", "GERMA", "HARMSTORF", "PRIVATECARRIER"}
	purposes  = []string{"Unknown", "Sales", "Clearance"}
	pageTypes = []string{"ad", "bio", "dynamic", "feedback", "general", "order", "protected", "welcome"}
	hours     = []string{"8AM-4PM", "8AM-8AM", "8AM-12AM"}
	issues    = []string{"bi-annual", "quarterly", "monthly"}
)

// place is where an address, a store or a site lies.
type place struct {
	county, state, zip string // zip has three digits of five
	offset             int64  // of GMT, in hundredths of an hour
}

// places are those of addresses; stores lie in the first, which are more frequent.
var places = []place{
	{"Williamson County", "TN", "383", -600},
	{"Ziebach County", "SD", "576", -700},
	{"Walker County", "AL", "355", -600},
	{"Daviess County", "IN", "475", -500},
	{"Barrow County", "GA", "306", -500},
	{"Luce County", "MI", "498", -500},
	{"Franklin Parish", "LA", "712", -600},
	{"Richland County", "OH", "449", -500},
	{"Fairfield County", "OH", "431", -500},
	{"Bronx County", "NY", "104", -500},
	{"Maverick County", "TX", "788", -600},
	{"Mesa County", "CO", "815", -700},
	{"Raleigh County", "WV", "258", -500},
	{"Oglethorpe County", "GA", "306", -500},
	{"Jackson County", "KY", "404", -500},
	{"Marion County", "IL", "628", -600},
	{"Kern County", "CA", "932", -800},
	{"King County", "WA", "981", -800},
	{"Dona Ana County", "NM", "880", -700},
	{"Pottawatomie County", "KS", "665", -600},
	{"Halifax County", "VA", "245", -500},
	{"Cass County", "ND", "581", -600},
	{"Dane County", "WI", "537", -600},
	{"Lane County", "OR", "974", -800},
}
