import { editNode, inputOf, labelOf, attributeOf } from '../node-edit.ts'
import { listInput, one, type Rule, type RuleTable } from '../rule.ts'
import { int64List } from '../constants.ts'

/** Moves lists of integers from attributes to inputs, from input 1 on. */
function listsToInputs(...attributes: readonly string[]): Rule {
  return (node, scope) =>
    one(
      editNode(node, {
        inputs: [inputOf(node, 0), ...attributes.map((name) => listInput(node, name, scope))],
        attributes: Object.fromEntries(attributes.map((name) => [name, undefined])),
      }),
    )
}

const axesToInput = listsToInputs('axes')

/** From set 18 on, a Split without sizes says into how many parts; before, its outputs said it. */
const splitInto: Rule = (node) =>
  one(
    inputOf(node, 1) !== ''
      ? node
      : editNode(node, {
          attributes: { num_outputs: { kind: 'int', value: node.output.length } },
        }),
  )

/** `k` becomes a list of one. */
const topKInput: Rule = (node, scope) =>
  one(
    editNode(node, {
      inputs: [
        inputOf(node, 0),
        scope.constant(`${labelOf(node)}_k`, int64List([attributeOf(node, 'k')?.i ?? 0n])),
      ],
      attributes: { k: undefined },
    }),
  )

/** Operators whose axes, sizes or positions moved from attributes to inputs. */
export const AXES_RULES: RuleTable = {
  ReduceL1: { 18: axesToInput },
  ReduceL2: { 18: axesToInput },
  ReduceLogSum: { 18: axesToInput },
  ReduceLogSumExp: { 18: axesToInput },
  ReduceMax: { 18: axesToInput },
  ReduceMean: { 18: axesToInput },
  ReduceMin: { 18: axesToInput },
  ReduceProd: { 18: axesToInput },
  ReduceSum: { 13: axesToInput },
  ReduceSumSquare: { 18: axesToInput },
  Slice: { 10: listsToInputs('starts', 'ends', 'axes') },
  Split: { 13: listsToInputs('split'), 18: splitInto },
  Squeeze: { 13: axesToInput },
  TopK: { 10: topKInput },
  Unsqueeze: { 13: axesToInput },
}
