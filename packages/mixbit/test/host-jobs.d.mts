import type { JobTable } from '../src/host/job-table.ts'

export declare const testJobs: JobTable
