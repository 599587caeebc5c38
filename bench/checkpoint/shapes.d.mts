export type ModelShapes = {
  readonly vision: {
    readonly depths: readonly number[]
    readonly dims: readonly number[]
    readonly mixers: readonly string[]
    readonly expansion: number
  }
  readonly text: Readonly<
    Record<'hidden' | 'layers' | 'heads' | 'kvHeads' | 'headDim' | 'intermediate', number>
  >
  readonly vocabularyRows: number
}
export type TensorShape = {
  readonly name: string
  readonly shape: readonly number[]
  readonly kind: string
}
export const models: Readonly<Record<'0.5B' | '1.5B', ModelShapes & { parameters: number }>>
export function checkpointTensors(model: ModelShapes, isUntied: boolean): readonly TensorShape[]
export function countParameters(tensors: readonly TensorShape[]): number
