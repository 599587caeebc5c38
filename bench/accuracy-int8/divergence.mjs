// How far an output is from the float model's, and whether it is right.

/**
 * How far one sample's output is from the float model's: smaller is better.
 *
 * @param metric - of logits `softmax`, of `probabilities`: the mean KL divergence of the places; `bernoulli`: that of
 *   single probabilities; `boxes`: relative squared error of boxes plus that of scores; `relative`: of everything
 * @param judged - the places that count; null: all
 */
export function divergence(float, output, metric, judged) {
  switch (metric) {
    case 'boxes': {
      // Columns of (4 box edges, classes).
      const boxes = (4 * float.data.length) / 22
      return (
        relative(float.data.subarray(0, boxes), output.data.subarray(0, boxes)) +
        relative(float.data.subarray(boxes), output.data.subarray(boxes))
      )
    }
    case 'relative':
      return relative(float.data, output.data)
    case 'bernoulli':
      return mean(Array.from(float.data, (p, i) => bernoulli(p, output.data[i])))
    default:
      return meanKl(float, output, metric, judged)
  }
}

/** How many judged places have their class on top. */
export function rightPlaces(output, judged) {
  const classes = output.dims.at(-1)
  return judged.filter(({ place, label }) => {
    const row = output.data.subarray(place * classes, (place + 1) * classes)
    return row.indexOf(row.reduce((a, b) => Math.max(a, b), -Infinity)) === label
  }).length
}

function meanKl(float, output, metric, judged) {
  const classes = float.dims.at(-1)
  const all = Array.from({ length: float.data.length / classes }, (_, place) => ({ place }))
  return mean(
    (judged ?? all).map(({ place }) => {
      const [p, q] = [float, output].map(({ data }) =>
        distribution(data.subarray(place * classes, (place + 1) * classes), metric),
      )
      let sum = 0
      for (let i = 0; i < classes; i++)
        if (p[i] > 0) sum += p[i] * Math.log(p[i] / Math.max(q[i], 1e-12))
      return sum
    }),
  )
}

function distribution(values, metric) {
  const list = Array.from(values)
  if (metric === 'probabilities') {
    const total = list.reduce((a, b) => a + b, 0)
    return list.map((x) => x / total)
  }
  const largest = Math.max(...list)
  const powers = list.map((x) => Math.exp(x - largest))
  const total = powers.reduce((a, b) => a + b, 0)
  return powers.map((x) => x / total)
}

function relative(a, b) {
  let [error, signal] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    error += (a[i] - b[i]) ** 2
    signal += a[i] ** 2
  }
  return error / signal
}

function bernoulli(p, q) {
  const [a, b] = [p, q].map((x) => Math.min(1 - 1e-6, Math.max(1e-6, x)))
  return a * Math.log(a / b) + (1 - a) * Math.log((1 - a) / (1 - b))
}

export function mean(list) {
  return list.reduce((a, b) => a + b, 0) / list.length
}
