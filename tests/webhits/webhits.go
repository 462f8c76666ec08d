// Package webhits generates a wide table as web analytics keep it, one row for
// each page that somebody saw, and holds queries of the kinds that are asked of
// such a table: counts, filters, groups of few and many keys, distinct counts,
// searches in texts, the first rows of wide ones, ranges of dates. Values are
// skewed: few sites, users and phrases are frequent, most are rare. Rows are in
// the order of time, as a log is.
package webhits

import (
	"embed"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/hubsql/hubsql/tests/dataset"
)

// Version changes whenever the rows change.
const Version = 1

// partRows is the number of rows of a row group.
const partRows = 122_880

// What there is to see, and who sees it.
const (
	sites     = 6_000
	pages     = 400_000
	regions   = 5_000
	phrases   = 300_000
	campaigns = 2_000
	days      = 31
)

// firstDay is 2013-07-01 in days since 1970-01-01.
var firstDay = time.Date(2013, 7, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400

var (
	syllables = []string{"ka", "lo", "mi", "ne", "ro", "sa", "ti", "vo", "ze", "bu", "da", "fe", "gi", "ho", "ju", "pe", "qui", "ra", "shu", "tal", "un", "wex", "yor", "dim"}
	topics    = []string{"news", "shop", "forum", "video", "auto", "travel", "games", "weather", "maps", "mail", "recipes", "music", "sport", "jobs"}
	nouns     = []string{
		"phone", "car", "house", "flight", "hotel", "recipe", "film", "song", "game", "ticket", "camera", "laptop", "shoes", "garden", "school",
		"bank", "train", "book", "dress", "chair", "doctor", "insurance", "tyre", "pizza", "guitar", "holiday", "visa", "boat", "watch", "carpet",
	}
	qualities = []string{"cheap", "best", "new", "used", "red", "large", "small", "free", "online", "fast", "original", "local", "old", "black", "2013", "how to repair", "where to buy", "price of"}
	languages = []string{"ru", "en", "de", "uk", "tr", "fr", "es", "pl", "kk", "it"}
	countries = []string{"RU", "US", "DE", "UA", "TR", "FR", "ES", "PL", "KZ", "IT", "GB", "BY", "CN", "IN", "BR"}
	models    = []string{"iPhone 4", "iPhone 5", "GT-I9300", "GT-I9100", "Lumia 920", "Nexus 4", "Xperia Z", "iPad 3", "One X"}
	mediums   = []string{"cpc", "banner", "email", "social", "referral"}
	browsers  = []string{"24.0.1312", "25.0.1364", "26.0.1410", "27.0.1453", "10.0", "9.0", "8.0", "19.0", "20.0", "21.0", "12.14", "6.0.2", "5.1.7"}
	engines   = []string{"google", "yandex", "bing", "mail", "yahoo"}
	charsets  = []string{"utf-8", "windows-1251", "iso-8859-1"}
	money     = []string{"RUB", "USD", "EUR"}
	widths    = []int64{1366, 1920, 1280, 1024, 1600, 1440, 320, 768, 1680, 360, 800, 2560}
	heights   = []int64{768, 1080, 1024, 600, 900, 900, 480, 1024, 1050, 640, 600, 1440}
)

// columns are those of the table hits, in the order in which Fill fills them.
func columns() []dataset.Column {
	var list []dataset.Column
	add := func(t dataset.Type, names ...string) {
		for _, n := range names {
			list = append(list, dataset.Column{Name: n, Type: t, Size: 300})
		}
	}
	plain := func(t dataset.Type, name string) {
		list = append(list, dataset.Column{Name: name, Type: t, Plain: true})
	}
	plain(dataset.Int64, "watch_id")
	plain(dataset.Timestamp, "event_time")
	add(dataset.Date, "event_date")
	add(dataset.Int32, "counter_id", "client_ip", "region_id")
	add(dataset.Int64, "user_id", "session_id")
	add(dataset.Text, "url", "referer", "title", "search_phrase")
	add(dataset.Int16, "search_engine", "adv_engine", "os", "browser")
	add(dataset.Text, "browser_version")
	add(dataset.Int16, "is_mobile")
	add(dataset.Text, "mobile_model")
	add(dataset.Int16, "resolution_width", "resolution_height", "window_width", "window_height", "color_depth", "timezone")
	add(dataset.Text, "language", "country")
	add(dataset.Int16, "age", "sex", "income", "traffic_source", "is_refresh", "is_link", "is_download", "is_not_bounce", "http_status")
	add(dataset.Int32, "response_ms", "dom_ms", "load_ms")
	add(dataset.Int64, "bytes_sent")
	add(dataset.Float64, "scroll_depth")
	add(dataset.Int32, "goals_reached")
	add(dataset.Decimal, "order_price")
	add(dataset.Text, "order_currency", "utm_source", "utm_medium", "utm_campaign")
	add(dataset.Int64, "url_hash", "referer_hash")
	add(dataset.Int16, "url_category", "referer_category")
	add(dataset.Text, "charset")
	add(dataset.Int32, "parameter_id")
	return list
}

// Table returns the table hits of that many rows.
func Table(rows int64) dataset.Table {
	return dataset.Table{
		Name: "hits", Columns: columns(), Parts: int((rows + partRows - 1) / partRows),
		Fill: func(part int, b *dataset.Batch) {
			for i := int64(part) * partRows; i < min(rows, int64(part+1)*partRows); i++ {
				hit(b.Columns, i, rows)
			}
		},
	}
}

// skewed returns a number below n, of which the small ones are frequent: each
// decade of them is as frequent as the next.
func skewed(r *dataset.Random, n int64) int64 {
	return min(n-1, int64(math.Exp(r.Float()*math.Log(float64(n))))-1)
}

// scattered turns a small number into one that looks like a hash.
func scattered(stream uint64, n int64) int64 {
	r := dataset.NewRandom(stream, uint64(n))
	return int64(r.Uint64() >> 1)
}

func choose(r *dataset.Random, from []string) string { return from[r.Below(int64(len(from)))] }

// oneIn is 1 for one row of n.
func oneIn(r *dataset.Random, n int64) int64 {
	if r.Below(n) == 0 {
		return 1
	}
	return 0
}

// site appends the address of a site.
func site(b []byte, n int64) []byte {
	r := dataset.NewRandom(101, uint64(n))
	b = append(b, "http://"...)
	if r.Below(3) > 0 {
		b = append(b, "www."...)
	}
	for range r.Between(2, 4) {
		b = append(b, choose(&r, syllables)...)
	}
	return append(b, ".example/"...)
}

// page appends the address of a page of a site.
func page(b []byte, n, number int64) []byte {
	b = site(b, n)
	r := dataset.NewRandom(102, uint64(number))
	b = append(append(b, choose(&r, topics)...), '/')
	if r.Below(40) == 0 {
		b = append(b, "google-"...)
	}
	b = append(append(b, choose(&r, nouns)...), '-')
	b = append(append(b, choose(&r, nouns)...), '/')
	b = strconv.AppendInt(b, number, 10)
	if r.Below(4) == 0 {
		b = strconv.AppendInt(append(b, "?page="...), r.Between(2, 99), 10)
	}
	return b
}

// phrase appends what somebody looked for.
func phrase(b []byte, n int64) []byte {
	r := dataset.NewRandom(103, uint64(n))
	for i := range r.Between(1, 3) {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(append(b, choose(&r, qualities)...), ' ')
		b = append(b, choose(&r, nouns)...)
	}
	if n >= 1000 {
		b = strconv.AppendInt(append(b, ' '), n%997, 10)
	}
	return b
}

// text appends the pieces that write appends as one text.
func text(v *dataset.Values, write func([]byte) []byte) {
	v.Bytes = write(v.Bytes)
	v.End()
}

// hit appends the row of that number.
func hit(c []dataset.Values, i, rows int64) {
	r := dataset.NewRandom(100, uint64(i))
	next := 0
	column := func() *dataset.Values {
		next++
		return &c[next-1]
	}
	number := func(x int64) { column().Int(x) }

	number(int64(r.Uint64() >> 1))
	micros := firstDay*86400*1e6 + int64(float64(i)/float64(rows)*days*86400e6) + r.Below(1e6)
	micros -= micros % 1e6
	number(micros)
	number(micros / 86400e6)
	counter := skewed(&r, sites)
	number(counter + 1)
	user := skewed(&r, max(1000, rows/4))
	number(int64(int32(scattered(104, user/3))))
	number(skewed(&r, regions) + 1)
	number(scattered(105, user))
	number(scattered(106, user*50+micros/86400e6))

	seen := skewed(&r, pages)
	text(column(), func(b []byte) []byte { return page(b, counter, seen) })
	came := int64(0)
	switch n := r.Below(10); {
	case n < 4:
		column().Text("")
	case n < 7:
		came = counter + 1
		text(column(), func(b []byte) []byte { return page(b, counter, seen/7) })
	default:
		came = skewed(&r, sites) + 1
		text(column(), func(b []byte) []byte { return site(b, came) })
	}
	text(column(), func(b []byte) []byte {
		p := dataset.NewRandom(107, uint64(seen/3))
		b = append(append(b, choose(&p, qualities)...), ' ')
		b = append(append(b, choose(&p, nouns)...), " - "...)
		return append(b, choose(&p, topics)...)
	})
	engine := int64(0)
	if r.Below(8) == 0 {
		engine = skewed(&r, 30) + 1
		n := skewed(&r, phrases)
		text(column(), func(b []byte) []byte { return phrase(b, n) })
	} else {
		column().Text("")
	}
	number(engine)
	number(oneIn(&r, 35) * (skewed(&r, 60) + 1))
	mobile := oneIn(&r, 7)
	number(skewed(&r, 90))
	number(skewed(&r, 60))
	column().Text(browsers[skewed(&r, int64(len(browsers)))])
	number(mobile)
	if mobile == 1 {
		column().Text(choose(&r, models))
	} else {
		column().Text("")
	}
	screen := skewed(&r, int64(len(widths)))
	number(widths[screen])
	number(heights[screen])
	number(widths[screen] - r.Below(100))
	number(heights[screen] - r.Below(200))
	number(24 + 8*r.Below(2))
	number(r.Between(-12, 14) * 60)
	column().Text(languages[skewed(&r, int64(len(languages)))])
	column().Text(countries[skewed(&r, int64(len(countries)))])
	number(r.Below(6) * 10)
	number(r.Below(3))
	number(r.Below(5))
	number(skewed(&r, 10))
	number(oneIn(&r, 10))
	number(oneIn(&r, 20))
	number(oneIn(&r, 200))
	number(1 - oneIn(&r, 5))
	if r.Below(50) == 0 {
		number(404)
	} else {
		number(200)
	}
	response := skewed(&r, 10_000)
	number(response)
	number(response + skewed(&r, 5_000))
	number(response + skewed(&r, 60_000))
	number(skewed(&r, 5_000_000))
	column().Float(float64(r.Below(1001)) / 1000)
	number(oneIn(&r, 100) * r.Between(1, 5))
	if bought := oneIn(&r, 250); bought == 1 {
		number(r.Between(100, 10_000_000))
		column().Text(choose(&r, money))
	} else {
		number(0)
		column().Text("")
	}
	if r.Below(12) == 0 {
		n := skewed(&r, campaigns)
		column().Text(choose(&r, engines))
		column().Text(choose(&r, mediums))
		text(column(), func(b []byte) []byte { return strconv.AppendInt(append(b, "campaign_"...), n, 10) })
	} else {
		column().Text("")
		column().Text("")
		column().Text("")
	}
	number(scattered(108, counter<<20|seen))
	number(scattered(109, came))
	number(seen % 40)
	number(came % 40)
	column().Text(charsets[skewed(&r, int64(len(charsets)))])
	number(skewed(&r, 1_000_000))
}

//go:embed queries/*.sql
var queries embed.FS

// Queries is the number of queries.
const Queries = 20

// Query returns the text of a query, 1 to 20.
func Query(n int) string {
	text, err := queries.ReadFile(fmt.Sprintf("queries/%02d.sql", n))
	if err != nil {
		panic(err) // n is a constant or a loop's; the files are part of the program
	}
	return string(text)
}
