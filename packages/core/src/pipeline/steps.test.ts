import { expect, test } from 'vitest'

import type { MixbitEvent } from '../base/events.ts'
import { startSteps } from './steps.ts'
