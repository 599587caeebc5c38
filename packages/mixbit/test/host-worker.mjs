// The worker of host-pool.test.ts: Node cannot load TypeScript, so it stands on the built files.
import { serveJobs } from '../dist/host/serve-jobs.js'
import { testJobs } from './host-jobs.mjs'

serveJobs(testJobs)
