/** Element types of MIL that a value can be stored in. */
export type MilDtype =
  | 'bool'
  | 'string'
  | 'float16'
  | 'float32'
  | 'float64'
  | 'bfloat16'
  | 'int4'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint1'
  | 'uint2'
  | 'uint3'
  | 'uint4'
  | 'uint6'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float8e4m3'
  | 'float8e5m2'

/** How one element type is numbered and how large it is. */
export type MilDtypeFacts = {
  /** `DataType` of MIL.proto. */
  readonly proto: number
  /** `BlobDataType` of weight files; null where no blob can hold it. */
  readonly blob: number | null
  /** Bits of a packed value; 0 where they vary. */
  readonly bits: number
}

/**
 * Both numberings of MIL.
 *
 * @see https://github.com/apple/coremltools/blob/main/mlmodel/format/MIL.proto
 * @see https://github.com/apple/coremltools/blob/main/mlmodel/src/MILBlob/Blob/BlobDataType.hpp
 */
export const MIL_DTYPES: Readonly<Record<MilDtype, MilDtypeFacts>> = {
  bool: { proto: 1, blob: null, bits: 8 },
  string: { proto: 2, blob: null, bits: 0 },
  float16: { proto: 10, blob: 1, bits: 16 },
  float32: { proto: 11, blob: 2, bits: 32 },
  float64: { proto: 12, blob: null, bits: 64 },
  bfloat16: { proto: 13, blob: 5, bits: 16 },
  int8: { proto: 21, blob: 4, bits: 8 },
  int16: { proto: 22, blob: 6, bits: 16 },
  int32: { proto: 23, blob: 14, bits: 32 },
  int64: { proto: 24, blob: null, bits: 64 },
  int4: { proto: 25, blob: 8, bits: 4 },
  uint8: { proto: 31, blob: 3, bits: 8 },
  uint16: { proto: 32, blob: 7, bits: 16 },
  uint32: { proto: 33, blob: 15, bits: 32 },
  uint64: { proto: 34, blob: null, bits: 64 },
  uint4: { proto: 35, blob: 11, bits: 4 },
  uint2: { proto: 36, blob: 10, bits: 2 },
  uint1: { proto: 37, blob: 9, bits: 1 },
  uint6: { proto: 38, blob: 13, bits: 6 },
  uint3: { proto: 39, blob: 12, bits: 3 },
  float8e4m3: { proto: 40, blob: 16, bits: 8 },
  float8e5m2: { proto: 41, blob: 17, bits: 8 },
}

const BY_PROTO: ReadonlyMap<number, MilDtype> = new Map(
  names().map((name) => [MIL_DTYPES[name].proto, name]),
)

const BY_BLOB: ReadonlyMap<number, MilDtype> = new Map(
  names().flatMap((name) => {
    const { blob } = MIL_DTYPES[name]
    return blob === null ? [] : [[blob, name]]
  }),
)

/** The element type that MIL.proto numbers so; `undefined` for a number that Mixbit does not know. */
export function dtypeOfProto(number: number): MilDtype | undefined {
  return BY_PROTO.get(number)
}

/** The element type that weight files number so; `undefined` for a number that Mixbit does not know. */
export function dtypeOfBlob(number: number): MilDtype | undefined {
  return BY_BLOB.get(number)
}

/** Bytes of `elements` packed values: ceil(elements * bits / 8). */
export function packedBytes(dtype: MilDtype, elements: number): number {
  return Math.ceil((elements * MIL_DTYPES[dtype].bits) / 8)
}

function names(): readonly MilDtype[] {
  return [
    'bool',
    'string',
    'float16',
    'float32',
    'float64',
    'bfloat16',
    'int4',
    'int8',
    'int16',
    'int32',
    'int64',
    'uint1',
    'uint2',
    'uint3',
    'uint4',
    'uint6',
    'uint8',
    'uint16',
    'uint32',
    'uint64',
    'float8e4m3',
    'float8e5m2',
  ]
}
