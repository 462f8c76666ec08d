package builtin

import "math"

// The trigonometric functions of angles in degrees, exact at the multiples of 30
// and 45 where their values are: each part of the first quadrant is scaled so that
// it ends at the exact value.

// radiansPerDegree is rounded before it is used.
const radiansPerDegree float64 = 0.0174532925199432957692

func sine30(x float64) float64 {
	return exactSin(x*radiansPerDegree) / exactSin(30*radiansPerDegree) / 2
}

func cosine60(x float64) float64 {
	part := 1 - exactCos(60*radiansPerDegree)
	return 1 - (1-exactCos(x*radiansPerDegree))/part/2
}

func sineQuadrant(x float64) float64 {
	if x <= 30 {
		return sine30(x)
	}
	return cosine60(90 - x)
}

func cosineQuadrant(x float64) float64 {
	if x <= 60 {
		return cosine60(x)
	}
	return sine30(90 - x)
}

// quadrant moves an angle to the first quadrant. half and quarter are the signs
// that come with the halves and quarters of the circle that were left.
func quadrant(x, negative, half, quarter float64) (at, sign float64) {
	x, sign = math.Mod(x, 360), 1
	if x < 0 {
		x, sign = -x, sign*negative
	}
	if x > 180 {
		x, sign = 360-x, sign*half
	}
	if x > 90 {
		x, sign = 180-x, sign*quarter
	}
	return x, sign
}

func sineDegrees(x float64) float64 {
	at, sign := quadrant(x, -1, -1, 1)
	return sign * sineQuadrant(at)
}

func cosineDegrees(x float64) float64 {
	at, sign := quadrant(x, 1, 1, -1)
	return sign * cosineQuadrant(at)
}

func tangentDegrees(x float64) float64 {
	at, sign := quadrant(x, -1, -1, -1)
	y := sign * (sineQuadrant(at) / cosineQuadrant(at) / (sineQuadrant(45) / cosineQuadrant(45)))
	if y == 0 {
		return 0
	}
	return y
}

func cotangentDegrees(x float64) float64 {
	at, sign := quadrant(x, -1, -1, -1)
	y := sign * (cosineQuadrant(at) / sineQuadrant(at) / (cosineQuadrant(45) / sineQuadrant(45)))
	if y == 0 {
		return 0
	}
	return y
}

func asinQuadrant(x float64) float64 {
	if x <= 0.5 {
		return exactAsin(x) / exactAsin(0.5) * 30
	}
	return 90 - exactAcos(x)/exactAcos(0.5)*60
}

func asinDegrees(x float64) float64 {
	if x >= 0 {
		return asinQuadrant(x)
	}
	return -asinQuadrant(-x)
}

func acosDegrees(x float64) float64 {
	switch {
	case x < 0:
		return 90 + asinQuadrant(-x)
	case x <= 0.5:
		return 90 - exactAsin(x)/exactAsin(0.5)*30
	}
	return exactAcos(x) / exactAcos(0.5) * 60
}

func atanDegrees(x float64) float64 { return exactAtan(x) / exactAtan(1) * 45 }

func atan2Degrees(y, x float64) float64 { return exactAtan2(y, x) / exactAtan(1) * 45 }
