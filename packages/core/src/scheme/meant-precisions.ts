/** Names that other tools and people have for precisions, with what they are called here. */
const OTHER_NAMES: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(?:float|f|fp)?16$|^half$/u, ['fp16']],
  [/^(?:float|f|fp)?32$|^(?:float|single)$/u, ['fp32']],
  [/^bf(?:loat)?16$/u, ['fp16']],
  [/^u?int16$|^i16$/u, ['int8', 'fp16']],
  [/^(?:u?int|i|q|w|s)?([2348])(?:bits?)?(?:a(?:16|32))?$/u, ['int$1']],
  [/^u?int[567]$/u, ['int4', 'int8']],
  [/^u?int1$/u, ['int2', 'palette1']],
  [/^(?:palette|palettize|palettized|lut|kmeans)([123468])(?:bits?)?$/u, ['palette$1']],
  [/^([123468])(?:bits?)?(?:palette|lut)$/u, ['palette$1']],
  [/^(?:palette|palettize|palettized|lut|kmeans)$/u, ['palette4', 'palette6']],
  [/^palette5$/u, ['palette4', 'palette6']],
  [/^palette7$/u, ['palette6', 'palette8']],
  [/^(?:sparse|sparsity|prune|pruned)(\d+|\d+:\d+)%?$/u, ['sparse$1+fp16', 'sparse$1+int8']],
  [/^w8a8dynamic$|^dynamicint8$/u, ['w8a8/dynamic']],
  [/^static(?:int8)?$|^a8w8$/u, ['w8a8']],
]

/** How other tools write how many values share a scale or a table. */
const OTHER_SHARING: readonly (readonly [RegExp, string])[] = [
  [/^(?:per)?tensor$/u, 'tensor'],
  [/^(?:per)?(?:channel|axis)$/u, 'channel'],
  [/^(?:per)?(?:block|group|g|b)(?:size)?(\d+)$/u, '$1'],
  [/^asym(?:metric)?$/u, 'asym'],
]

/** The longest name that is looked at; every precision is shorter. */
const LONGEST = 60

/**
 * What a name that is no precision was probably meant to be, the likeliest first; some may be none
 * either. `float16` gives fp16, `INT8` int8, `4bit` int4, `int4/g32` int4/32, `palette4/16` palette4/g16.
 */
export function meantPrecisions(text: string): readonly string[] {
  if (text.length > LONGEST) return []
  const plain = text.trim().toLowerCase()
  const [first = '', ...rest] = plain.split(/[/@]|(?<=\d)[-_:](?=[a-z]*\d+$|per|tensor|channel)/u)
  const heads = headsOf(first)
  const whole = [plain, ...headsOf(plain)]
  const found = [...whole, ...heads.map((head) => [head, ...sharingOf(head, rest)].join('/'))]
  return [...new Set(found)].filter((name) => name !== text).slice(0, 3)
}

function headsOf(text: string): readonly string[] {
  const packed = text.replaceAll(/[\s_-]/gu, '')
  const known = OTHER_NAMES.flatMap(([pattern, names]) =>
    pattern.test(packed) ? names.map((name) => packed.replace(pattern, name)) : [],
  )
  return known.length > 0 ? known : [packed]
}

function sharingOf(head: string, rest: readonly string[]): readonly string[] {
  return rest.map((part) => {
    const packed = part.replaceAll(/[\s_-]/gu, '')
    const found = OTHER_SHARING.find(([pattern]) => pattern.test(packed))
    const name = found === undefined ? packed : packed.replace(found[0], found[1])
    if (!head.startsWith('palette')) return name
    if (name === 'channel') return 'g1'
    return /^\d+$/u.test(name) ? `g${name}` : name
  })
}
