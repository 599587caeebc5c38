import { kernelContract } from '../../test/kernel-contract.ts'
import { scalarKernels } from './scalar.ts'
import { loadSimdKernels } from './simd.ts'

kernelContract('scalar', scalarKernels)
kernelContract('SIMD', loadSimdKernels())
