package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Capabilities implements [compute.Backend].
func (b *Backend) Capabilities() compute.Capabilities { return capabilities.Clone() }

var capabilities = compute.Capabilities{
	Functions:     true,
	DynamicShapes: compute.DynamicShapesNone,
	Operations: set(
		compute.OpTypeParameter, compute.OpTypeConstant, compute.OpTypeCapturedValue, compute.OpTypeIdentity,
		compute.OpTypeAbs, compute.OpTypeBitCount, compute.OpTypeBitwiseNot, compute.OpTypeCeil, compute.OpTypeClz,
		compute.OpTypeCos, compute.OpTypeErf, compute.OpTypeExp, compute.OpTypeExpm1, compute.OpTypeFloor,
		compute.OpTypeIsFinite, compute.OpTypeIsNaN, compute.OpTypeLog, compute.OpTypeLog1p, compute.OpTypeLogicalNot,
		compute.OpTypeLogistic, compute.OpTypeNeg, compute.OpTypeRound, compute.OpTypeRsqrt, compute.OpTypeSign,
		compute.OpTypeSin, compute.OpTypeSqrt, compute.OpTypeTanh,
		compute.OpTypeAdd, compute.OpTypeAtan2, compute.OpTypeBitwiseAnd, compute.OpTypeBitwiseOr,
		compute.OpTypeBitwiseXor,
		compute.OpTypeDiv, compute.OpTypeLogicalAnd, compute.OpTypeLogicalOr, compute.OpTypeLogicalXor,
		compute.OpTypeMax,
		compute.OpTypeMin, compute.OpTypeMul, compute.OpTypePow, compute.OpTypeRem, compute.OpTypeShiftLeft,
		compute.OpTypeShiftRightArithmetic, compute.OpTypeShiftRightLogical, compute.OpTypeSub,
		compute.OpTypeEqual, compute.OpTypeEqualTotalOrder, compute.OpTypeGreaterOrEqual,
		compute.OpTypeGreaterOrEqualTotalOrder, compute.OpTypeGreaterThan, compute.OpTypeGreaterThanTotalOrder,
		compute.OpTypeLessOrEqual, compute.OpTypeLessOrEqualTotalOrder, compute.OpTypeLessThan,
		compute.OpTypeLessThanTotalOrder, compute.OpTypeNotEqual, compute.OpTypeNotEqualTotalOrder,
		compute.OpTypeClamp, compute.OpTypeWhere, compute.OpTypeConvertDType,
		compute.OpTypeBitcast, compute.OpTypeBroadcastInDim, compute.OpTypeConcatenate, compute.OpTypeDynamicSlice,
		compute.OpTypeDynamicUpdateSlice, compute.OpTypeIota, compute.OpTypePad, compute.OpTypeReshape,
		compute.OpTypeReverse,
		compute.OpTypeSlice, compute.OpTypeTranspose,
		compute.OpTypeReduceSum, compute.OpTypeReduceProduct, compute.OpTypeReduceMax, compute.OpTypeReduceMin,
		compute.OpTypeReduceBitwiseAnd, compute.OpTypeReduceBitwiseOr, compute.OpTypeReduceBitwiseXor,
		compute.OpTypeReduceLogicalAnd, compute.OpTypeReduceLogicalOr, compute.OpTypeReduceLogicalXor,
		compute.OpTypeArgMinMax,
		compute.OpTypeCumSum, compute.OpTypeReduceWindow, compute.OpTypeSelectAndScatterMax,
		compute.OpTypeSelectAndScatterMin,
		compute.OpTypeDot, compute.OpTypeDotGeneral, compute.OpTypeConvGeneral, compute.OpTypeGather,
		compute.OpTypeScatterSum,
		compute.OpTypeScatterMax, compute.OpTypeScatterMin, compute.OpTypeRNGBitGenerator,
		compute.OpTypeBatchNormForInference, compute.OpTypeBatchNormForTraining, compute.OpTypeBatchNormGradient,
		compute.OpTypeOptimizationBarrier, compute.OpTypeSchedulingBarrier,
		compute.OpTypeCall, compute.OpTypeIf, compute.OpTypeWhile, compute.OpTypeSort,
		compute.OpTypeFusedSoftmax, compute.OpTypeFusedLayerNorm, compute.OpTypeFusedGelu, compute.OpTypeFusedDense,
		compute.OpTypeFusedScaledDotProductAttention, compute.OpTypeFusedScaledDotProductAttentionVJP,
		compute.OpTypeFusedAttentionQKVProjection, compute.OpTypeFusedQuantizedDense,
		compute.OpTypeQuantizedEmbeddingLookup,
	),
	DTypes: set(
		dtypes.Bool,
		dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64, dtypes.Uint8, dtypes.Uint16, dtypes.Uint32,
		dtypes.Uint64,
		dtypes.Float32, dtypes.Float64, dtypes.Float16, dtypes.BFloat16,
		dtypes.Int2, dtypes.Uint2, dtypes.Int4, dtypes.Uint4,
	),
}

func set[K comparable](keys ...K) map[K]bool {
	m := make(map[K]bool, len(keys))
	for _, key := range keys {
		m[key] = true
	}
	return m
}
