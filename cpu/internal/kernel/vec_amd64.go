//go:build !purego

package kernel

//go:generate go run -C _asm ./vec -pkg kernel -out ../vec_amd64.s -stubs ../vec_stubs_amd64.go

// Nanoseconds per element of 1024 in the first cache, on one Zen 5 core (go test -bench BenchmarkVec):
//
//	            plain    AVX2   AVX-512
//	add          0.33   0.044     0.028
//	mulAdd        2.8   0.058     0.037
//	sum          0.41   0.022     0.013
//	sumRows      0.31   0.022     0.011
//	exp            38    0.32      0.10
//	expSubSum      50    0.37      0.13
//	tanh           38    0.50      0.23
//	logistic       50    0.55      0.22
//	geluTanh       73    0.73      0.32
//	erf            80    0.67      0.29
//	log            27    0.45      0.22
//	sin            35    0.37      0.18
//
// The plain functions pay for a multiply-add that amd64 without assembly has to make of float64.

// vecTables returns the kernels of a level. The conversions of half precision need F16C, which all processors with
// AVX2 and FMA have.
func vecTables(l Level) vecTable {
	switch l {
	case AVX512, BF16:
		return vecAVX512()
	case AVX2:
		return vecAVX2()
	}
	return vecGeneric
}

func vecAVX2() vecTable {
	t := vecGeneric
	t.f16ToF32 = sixteens(f16ToF32AVX2, vecGeneric.f16ToF32)
	t.bf16ToF32 = sixteens(bf16ToF32AVX2, vecGeneric.bf16ToF32)
	t.boolToF32 = sixteens(boolToF32AVX2, vecGeneric.boolToF32)
	t.f32ToBool = sixteens(f32ToBoolAVX2, vecGeneric.f32ToBool)
	t.f32ToBF16 = sixteens(f32ToBF16AVX2, vecGeneric.f32ToBF16)
	t.transpose = transposeAVX2
	t.add = addAVX2
	t.sub = subAVX2
	t.mul = mulAVX2
	t.div = divAVX2
	t.max = maxAVX2
	t.min = minAVX2
	t.and = andAVX2
	t.or = orAVX2
	t.xor = xorAVX2
	t.eq = eqAVX2
	t.ne = neAVX2
	t.lt = ltAVX2
	t.le = leAVX2
	t.gt = gtAVX2
	t.ge = geAVX2
	t.addS = addSAVX2
	t.subS = subSAVX2
	t.mulS = mulSAVX2
	t.divS = divSAVX2
	t.rsubS = rsubSAVX2
	t.rdivS = rdivSAVX2
	t.maxS = maxSAVX2
	t.minS = minSAVX2
	t.eqS = eqSAVX2
	t.neS = neSAVX2
	t.ltS = ltSAVX2
	t.leS = leSAVX2
	t.gtS = gtSAVX2
	t.geS = geSAVX2
	t.mulAdd = mulAddAVX2
	t.mulAddS = mulAddSAVX2
	t.scaleShift = scaleShiftAVX2
	t.sel = selectAVX2
	t.fill = fillAVX2
	t.neg = negAVX2
	t.abs = absAVX2
	t.sqrt = sqrtAVX2
	t.rsqrt = rsqrtAVX2
	t.not = notAVX2
	t.sign = signAVX2
	t.floor = floorAVX2
	t.ceil = ceilAVX2
	t.round = roundAVX2
	t.isFinite = isFiniteAVX2
	t.isNaN = isNaNAVX2
	t.roundBF16 = roundBF16AVX2
	t.exp = expAVX2
	t.expm1 = expm1AVX2
	t.log = logAVX2
	t.log1p = log1pAVX2
	t.tanh = tanhAVX2
	t.logistic = logisticAVX2
	t.erf = erfAVX2
	t.silu = siluAVX2
	t.geluErf = geluErfAVX2
	t.geluTanh = geluTanhAVX2
	t.sin = sinAVX2
	t.cos = cosAVX2
	t.sum = sumAVX2
	t.prod = prodAVX2
	t.sumSquares = sumSquaresAVX2
	t.dot = dotAVX2
	t.reduceMax = reduceMaxAVX2
	t.reduceMin = reduceMinAVX2
	t.expSubSum = expSubSumAVX2
	t.sumRows = sumRowsAVX2
	return t
}

func vecAVX512() vecTable {
	t := vecAVX2()
	t.add = addAVX512
	t.sub = subAVX512
	t.mul = mulAVX512
	t.div = divAVX512
	t.max = maxAVX512
	t.min = minAVX512
	t.and = andAVX512
	t.or = orAVX512
	t.xor = xorAVX512
	t.eq = eqAVX512
	t.ne = neAVX512
	t.lt = ltAVX512
	t.le = leAVX512
	t.gt = gtAVX512
	t.ge = geAVX512
	t.addS = addSAVX512
	t.subS = subSAVX512
	t.mulS = mulSAVX512
	t.divS = divSAVX512
	t.rsubS = rsubSAVX512
	t.rdivS = rdivSAVX512
	t.maxS = maxSAVX512
	t.minS = minSAVX512
	t.eqS = eqSAVX512
	t.neS = neSAVX512
	t.ltS = ltSAVX512
	t.leS = leSAVX512
	t.gtS = gtSAVX512
	t.geS = geSAVX512
	t.mulAdd = mulAddAVX512
	t.mulAddS = mulAddSAVX512
	t.scaleShift = scaleShiftAVX512
	t.sel = selectAVX512
	t.fill = fillAVX512
	t.neg = negAVX512
	t.abs = absAVX512
	t.sqrt = sqrtAVX512
	t.rsqrt = rsqrtAVX512
	t.not = notAVX512
	t.sign = signAVX512
	t.floor = floorAVX512
	t.ceil = ceilAVX512
	t.round = roundAVX512
	t.isFinite = isFiniteAVX512
	t.isNaN = isNaNAVX512
	t.exp = expAVX512
	t.expm1 = expm1AVX512
	t.log = logAVX512
	t.log1p = log1pAVX512
	t.tanh = tanhAVX512
	t.logistic = logisticAVX512
	t.erf = erfAVX512
	t.silu = siluAVX512
	t.geluErf = geluErfAVX512
	t.geluTanh = geluTanhAVX512
	t.sin = sinAVX512
	t.cos = cosAVX512
	t.sum = sumAVX512
	t.prod = prodAVX512
	t.sumSquares = sumSquaresAVX512
	t.dot = dotAVX512
	t.reduceMax = reduceMaxAVX512
	t.reduceMin = reduceMinAVX512
	t.expSubSum = expSubSumAVX512
	t.sumRows = sumRowsAVX512
	return t
}

// sixteens runs whole sixteens of elements with fast and the rest with plain.
func sixteens[D, S any](fast, plain func(dst []D, src []S)) func(dst []D, src []S) {
	return func(dst []D, src []S) {
		n := len(dst) &^ 15
		fast(dst[:n], src)
		plain(dst[n:], src[n:])
	}
}

// transposeAVX2 goes through tiles of 8 columns and some rows, so that the other columns of the same
// cache lines are still there when their turn comes.
func transposeAVX2(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	const tile = 256
	for i := 0; i < rows; i += tile {
		n := min(tile, rows-i)
		for j := 0; j+8 <= cols && n >= 8; j += 8 {
			transpose8AVX2(&dst[j*ldd+i], ldd, &src[i*lds+j], lds, n/8)
		}
		if j := cols &^ 7; j < cols {
			transposeGeneric(dst[j*ldd+i:], ldd, src[i*lds+j:], lds, n, cols-j)
		}
		if k := n &^ 7; k < n {
			transposeGeneric(dst[i+k:], ldd, src[(i+k)*lds:], lds, n-k, cols&^7)
		}
	}
}
