import { systemsOfSpec } from '../../targets/coreml-systems.ts'
import { carriedBytes, isCarried, plainFields, textField, valueField } from './carried-fields.ts'
import type { PlainField } from './carried-fields.ts'
import { ARRAY_DTYPES, COLOUR_SPACES, OTHER_KINDS } from './feature-types.ts'
import type { ImageColours } from './feature-types.ts'
import type {
  ArrayFeatureType,
  FeatureDescription,
  FunctionDescription,
  ImageFeatureType,
  MilFunction,
  Model,
} from './generated/coreml_pb.ts'
import type { ProgramWalk } from './program.ts'
import { tensorTypeOf } from './structure/tensor-type.ts'
import type { TensorType } from './structure/tensor-type.ts'

/** What a package is to the app that loads it. */
export type PackageInterface = {
  readonly specificationVersion: number
  /** The first systems that read it, for people: `iOS 18 or macOS 15`. */
  readonly systems: string
  readonly functions: readonly PackageFunction[]
  /** What its author wrote; null where nothing was. */
  readonly metadata: PackageMetadata
}

export type PackageFunction = {
  readonly name: string
  /** Runs where none is asked for by name. */
  readonly isDefault: boolean
  /** Its operator set: `CoreML8`. */
  readonly opset: string
  readonly inputs: readonly PackageFeature[]
  readonly outputs: readonly PackageFeature[]
  readonly states: readonly PackageFeature[]
}

/** An input, output or state. */
export type PackageFeature = {
  readonly name: string
  readonly kind: FeatureKind
  readonly isOptional: boolean
  /** Of arrays and states; null where it is not known. */
  readonly dtype: string | null
  /** Of arrays and states, null where a size is known at run time only; of images [height, width]. */
  readonly shape: readonly (number | null)[] | null
  /** Other shapes that it takes; each as `shape` is. */
  readonly shapes?: readonly (readonly number[])[]
  /** The sizes that it takes, one range a dimension; `most` is null without a limit. */
  readonly ranges?: readonly { readonly least: number; readonly most: number | null }[]
  readonly colours?: ImageColours
}

export type FeatureKind =
  | 'array'
  | 'image'
  | 'state'
  | 'int64'
  | 'double'
  | 'string'
  | 'dictionary'
  | 'sequence'
  | 'unknown'

export type PackageMetadata = {
  readonly author: string | null
  readonly shortDescription: string | null
  readonly version: string | null
  readonly license: string | null
  /** Names of what its author added, in the order of the file. */
  readonly userDefined: readonly string[]
}

/** The function of a program with only one. */
const MAIN = 'main'

/** Fields of Model.proto and FeatureTypes.proto that our schema carries unread. */
const METADATA = 100
const AUTHOR = { shortDescription: 1, version: 2, author: 3, license: 4, userDefined: 100 }

/** What a package takes and gives, and what its author says of it. */
export function packageInterface(model: Model, walk: ProgramWalk): PackageInterface {
  const { specificationVersion, description } = model
  return {
    specificationVersion,
    systems: systemsOfSpec(specificationVersion),
    functions: functionsOf(model, walk),
    metadata: metadataOf(description === undefined ? null : carriedBytes(description, METADATA)),
  }
}

function metadataOf(bytes: Uint8Array | null): PackageMetadata {
  const fields = bytes === null ? [] : plainFields(bytes)
  return {
    author: textField(fields, AUTHOR.author),
    shortDescription: textField(fields, AUTHOR.shortDescription),
    version: textField(fields, AUTHOR.version),
    license: textField(fields, AUTHOR.license),
    userDefined: fields
      .filter(({ number }) => number === AUTHOR.userDefined)
      .flatMap((entry) => textField(plainFields(entry.bytes), 1) ?? []),
  }
}

type Described = Pick<FunctionDescription, 'name' | 'input' | 'output' | 'state'>

function functionsOf(
  { description, mlProgram }: Model,
  walk: ProgramWalk,
): readonly PackageFunction[] {
  const { functions = [], input = [], output = [], state = [] } = description ?? {}
  const described: readonly Described[] =
    functions.length > 0 ? functions : [{ name: MAIN, input, output, state }]
  const main = description?.defaultFunctionName ?? ''
  const known = new Map(mlProgram?.functions.map(({ key, value }) => [key, value]))
  return described.map((own) => {
    const milFunction = known.get(own.name)
    const types = typesOf(milFunction, walk)
    const features = (all: readonly FeatureDescription[]): readonly PackageFeature[] =>
      all.map((feature) => featureOf(feature, types.get(feature.name)))
    return {
      name: own.name,
      isDefault: described.length === 1 || own.name === main,
      opset: milFunction?.opset ?? '',
      inputs: features(own.input),
      outputs: features(own.output),
      states: features(own.state),
    }
  })
}

/** Types of what a function takes and gives: descriptions leave out the shapes of most outputs. */
function typesOf(
  milFunction: MilFunction | undefined,
  { definitions }: ProgramWalk,
): ReadonlyMap<string, TensorType> {
  if (milFunction === undefined) return new Map()
  const { opset, blockSpecializations, inputs } = milFunction
  const block = blockSpecializations.find(({ key }) => key === opset)?.value
  const outputs = new Set(block?.outputs)
  const made = definitions
    .filter((each) => each.block === block && outputs.has(each.name))
    .map(({ name, operation, output }) => ({ name, type: operation.outputs[output]?.type }))
  return new Map(
    [...inputs, ...made].flatMap(({ name, type }) => {
      const held = type?.type.case === 'stateType' ? type.type.value.wrappedType : type
      const tensor = tensorTypeOf(held)
      return tensor === undefined ? [] : [[name, tensor] as const]
    }),
  )
}

function featureOf(
  { name, type }: FeatureDescription,
  own: TensorType | undefined,
): PackageFeature {
  const head = { name, isOptional: type?.isOptional ?? false }
  const array = type?.multiArrayType ?? type?.stateType?.arrayType
  if (type?.imageType !== undefined) return { ...head, ...imageFacts(type.imageType) }
  if (array !== undefined || type?.stateType !== undefined) {
    const kind = type?.stateType === undefined ? 'array' : 'state'
    return { ...head, kind, ...arrayFacts(array, own) }
  }
  const [, other] = [...OTHER_KINDS].find(([at]) => type !== undefined && isCarried(type, at)) ?? []
  return { ...head, kind: other ?? 'unknown', dtype: null, shape: null }
}

type FeatureFacts = Omit<PackageFeature, 'name' | 'isOptional'>

function arrayFacts(
  array: ArrayFeatureType | undefined,
  own: TensorType | undefined,
): Omit<FeatureFacts, 'kind'> {
  const shape = array?.shape.map(Number) ?? []
  const shapes = array?.enumeratedShapes?.shapes.map((each) => each.shape.map(Number)) ?? []
  const ranges = array?.shapeRange?.sizeRanges ?? []
  return {
    dtype: ARRAY_DTYPES.get(array?.dataType ?? 0) ?? own?.dtype ?? null,
    shape: shape.length > 0 ? shape : (own?.dims ?? null),
    ...(shapes.length > 0 && { shapes }),
    ...(ranges.length > 0 && {
      ranges: ranges.map((each) => rangeOf(Number(each.lowerBound), Number(each.upperBound))),
    }),
  }
}

/** Sizes of pictures lie in fields that our schema carries unread. */
function imageFacts(image: ImageFeatureType): FeatureFacts {
  const { width, height, colorSpace, enumeratedSizes, imageSizeRange } = image
  const colours = COLOUR_SPACES.get(colorSpace)
  const sizes = enumeratedSizes?.$unknown?.filter(({ no }) => no === 1) ?? []
  const shapes = sizes.flatMap((each) => {
    const bytes = carriedBytes({ $unknown: [each] }, 1)
    const fields = bytes === null ? [] : plainFields(bytes)
    return [[valueField(fields, 2), valueField(fields, 1)]]
  })
  const ranges =
    imageSizeRange === undefined
      ? []
      : [2, 1].map((at) =>
          sizeRange(plainFields(carriedBytes(imageSizeRange, at) ?? new Uint8Array(0))),
        )
  return {
    kind: 'image',
    dtype: null,
    shape: [Number(height), Number(width)],
    ...(shapes.length > 0 && { shapes }),
    ...(ranges.length > 0 && { ranges }),
    ...(colours !== undefined && { colours }),
  }
}

function sizeRange(fields: readonly PlainField[]): {
  readonly least: number
  readonly most: number | null
} {
  return rangeOf(valueField(fields, 1), valueField(fields, 2))
}

/** An upper bound below zero, or beyond exact numbers, is none. */
function rangeOf(
  least: number,
  most: number,
): { readonly least: number; readonly most: number | null } {
  return { least, most: most < 0 || most > Number.MAX_SAFE_INTEGER ? null : most }
}
