/** What a long step tells while it works. Core never prints: the command line shows these. */
export type MixbitEvent =
  | { readonly kind: 'stage'; readonly stage: string; readonly detail?: string }
  /** `done` of `total` units of the stage; `total` 0 when unknown. */
  | {
      readonly kind: 'progress'
      readonly stage: string
      readonly done: number
      readonly total: number
      readonly unit: string
    }
  | { readonly kind: 'stage-done'; readonly stage: string; readonly summary: string }
  | { readonly kind: 'notice'; readonly message: string }

export type Emit = (event: MixbitEvent) => void
