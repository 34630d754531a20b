package kernel

//lint:file-ignore U1000 the generator of the assembly reads this file too

// The numbers of the functions in vec_math_generic.go and of their assembly; _asm/vec reads them from here.
// The polynomials are made by _asm/minimax; see docs/notes/vector-maths.md.
const (
	zero       = 0
	one        = 1
	two        = 2
	half       = 0.5
	minusHalf  = -0.5
	oneBits    = 0x3f800000 // the bits of 1
	signBit    = 0x80000000
	absBits    = 0x7fffffff
	infBits    = 0x7f800000
	negInfBits = 0xff800000
	nanBits    = 0x7fc00000

	// exp: r = x - n·ln 2, where ln 2 = ln2Hi + ln2Lo to 48 bits.
	log2e  = 0x1.715476p+0
	ln2Hi  = 0x1.62e43p-1
	ln2Lo  = -0x1.05c61p-29
	expMin = -104 // exp is 0 from here on
	expMax = 89   // exp is ∞ from here on

	// (eʳ - 1 - r)/r² on |r| ≤ ln(2)/2, relative error 2^-26.1 in expm1.
	exp2 = 0.49999997
	exp3 = 0.16666545
	exp4 = 0.041667446
	exp5 = 0.008366447
	exp6 = 0.0013869841

	expm1Min = -18 // expm1 is -1 from here on
	expm1Top = 127 // the largest n with a finite 2ⁿ

	// (ln(1+f) - f + f²/2)/f³ on √½ ≤ 1+f ≤ √2, relative error 2^-27.4.
	log3  = 0.3333333
	log4  = -0.2500082
	log5  = 0.20001242
	log6  = -0.16623409
	log7  = 0.14201581
	log8  = -0.13159613
	log9  = 0.127622
	log10 = -0.076363996

	minNormal = 0x1p-126
	logScale  = 0x1p23
	logShift  = 23
	sqrtHalf  = 0x3f3504f3 // bits of √½
	topShift  = 126

	// (tanh(√z)/√z - 1)/z on √z ≤ tanhSmall, relative error 2^-27.7; tanh is 1 from tanhMax on.
	tanhSmall = 0.625
	tanhMax   = 10
	tanh3     = -0.3333328
	tanh5     = 0.13331406
	tanh7     = -0.053736515
	tanh9     = 0.020628167
	tanh11    = -0.005692296

	invMid = 1.4571 // 1/d is invMid - d/2 within 4 % on [1, 2]

	// erf(√z)/√z - 1 on √z ≤ erfSmall, relative error 2^-26.1.
	erfSmall = 0.875
	erf1     = 0.12837915
	erf3     = -0.37612507
	erf5     = 0.11281965
	erf7     = -0.026772428
	erf9     = 0.005002323
	erf11    = -0.0006040721

	// ln(1 - erf(a)) on erfSmall ≤ a ≤ erfMax, relative error 2^-29 in erf; erf is 1 from erfMax on.
	erfMax = 4
	erfc0  = -0.00013357471
	erfc1  = -1.1279361
	erfc2  = -0.6367372
	erfc3  = -0.10432753
	erfc4  = 0.022420254
	erfc5  = -0.0030923118
	erfc6  = 0.00020099993

	// sin and cos: r = x - n·π/2, where π/2 = halfPi1 + halfPi2 + halfPi3 to 72 bits.
	twoOverPi = 0x1.45f306p-1
	halfPi1   = 0x1.921fb6p+0
	halfPi2   = -0x1.777a5cp-25
	halfPi3   = -0x1.ee59dap-50
	sinMax    = 65536 // beyond, float64 does the work

	// (sin(√z)/√z - 1)/z on √z ≤ π/4, relative error 2^-27.8.
	sin3 = -0.16666654
	sin5 = 0.008332106
	sin7 = -0.00019507883

	// (cos(√z) - 1 + z/2)/z² on √z ≤ π/4, relative error 2^-32.9.
	cos4 = 0.041666646
	cos6 = -0.0013887304
	cos8 = 2.4431201e-05

	sqrtHalf1 = 0.70710678118654752440 // √½
	gelu1     = 1.5957691216057307118  // 2·√(2/π)
	gelu3     = 0.044715
)

// The conversions of the assembly; its generator reads them here.
const (
	u8Max     = 255
	i32Top    = 0x1p31
	i32Max    = 0x7fffffff
	bf16Half  = 0x7fff // what rounds bits 16 and up, with bit 16 itself
	bf16Kept  = 0xffff0000
	bf16Quiet = 0x400000 // makes a NaN quiet
)
