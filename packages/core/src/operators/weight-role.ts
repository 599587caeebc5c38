/** How a weight is used; decides what may be done with it. */
export type WeightRole =
  | 'linear'
  | 'conv'
  | 'depthwise-conv'
  /** A matrix that its operator wants whole (LSTM gates, a left operand): decoded in place. */
  | 'matrix'
  | 'embedding'
  /** One table that is both the token embedding and the output head. */
  | 'tied-embedding'
  /** Biases, norms, layer scales: rank 1, stays float. */
  | 'vector'
  | 'other'
