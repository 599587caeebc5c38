import { jobs } from '@mixbit/core/worker'
import { serveJobs } from './host/serve-jobs.ts'

// What a worker thread of the pool starts.
serveJobs(jobs)
