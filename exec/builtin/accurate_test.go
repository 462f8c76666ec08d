package builtin

import (
	"strconv"
	"testing"
)

// The values are those of a C library whose results are correctly rounded, as
// PostgreSQL prints them.
func TestTranscendentalFunctionsRoundOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		got  float64
		want string
	}{
		{"sin", exactSin(-495.15691499999997), "0.937273312476155"},
		{"cos", exactCos(-494), "-0.7179431181988293"},
		{"tan", exactTan(-494), "-0.9695778897058467"},
		{"asin", exactAsin(-0.49), "-0.5120897529341477"},
		{"acos", exactAcos(0.5), "1.0471975511965979"},
		{"atan", exactAtan(-489.15501299999994), "-1.5687519879241583"},
		{"atan2", exactAtan2(-492, 3), "-1.5646988413872147"},
		{"exp", exactExp(-24.8), "1.6962772941840653e-11"},
		{"ln", exactLog(404.01), "6.0014396301300605"},
		{"log", commonLog10(498.01), "2.69723806344489"},
		{"power", exactPow(499.25818299999995, -4.9915818299999995), "3.3969487997806484e-14"},
		{"cbrt", commonCbrt(27), "3.0000000000000004"},
		{"sinh", commonSinh(-9.6), "-7382.390748924266"},
		{"cosh", commonCosh(-9.662), "7854.585838782968"},
		{"tanh", commonTanh(-1.52), "-0.9086976584311125"},
		{"asinh", commonAsinh(-400), "-6.684613290164266"},
		{"sind", sineDegrees(-498), "-0.6691306063588582"},
		{"cosd", cosineDegrees(60), "0.5"},
		{"tand", tangentDegrees(90), "+Inf"},
		{"cotd", cotangentDegrees(180), "-Inf"},
		{"asind", asinDegrees(0.5), "30"},
	} {
		got := strconv.FormatFloat(c.got, 'g', -1, 64)
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
