import { attributeOf, editNode, stringOf } from '../node-edit.ts'
import { one, type Rule, type RuleTable } from '../rule.ts'

const GRID_MODES: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' }

/** The modes have other names, since grids may have any rank. */
const gridModes: Rule = (node) => {
  const mode = stringOf(node, 'mode') ?? 'bilinear'
  const renamed = Object.hasOwn(GRID_MODES, mode) ? GRID_MODES[mode] : undefined
  return one(
    renamed === undefined
      ? node
      : editNode(node, { attributes: { mode: { kind: 'string', value: renamed } } }),
  )
}

/** The default moves by half a pixel; before, nothing moved. */
const unmovedPixels: Rule = (node) =>
  one(
    attributeOf(node, 'coordinate_transformation_mode') !== undefined
      ? node
      : editNode(node, {
          attributes: {
            coordinate_transformation_mode: { kind: 'string', value: 'output_half_pixel' },
          },
        }),
  )

/** Operators that sample an image at positions. */
export const SAMPLING_RULES: RuleTable = {
  GridSample: { 20: gridModes },
  RoiAlign: { 16: unmovedPixels },
}
