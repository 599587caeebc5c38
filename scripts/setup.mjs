// Makes a fresh clone ready: checks the machine, installs packages, builds. Does nothing twice.
// Uses only what Node brings, because nothing else is installed yet.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stamp = join(root, 'node_modules', '.mixbit-setup')

checkNode()
checkPlatform()
install()
run(process.execPath, [join(root, 'scripts', 'build.mjs')])

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  stop(
    `Mixbit needs Node 20.19 or newer; this is ${process.versions.node}. ` +
      'Install a newer one from https://nodejs.org and try again.',
  )
}

/** ONNX Runtime, which runs the models, ships no binary for these machines. */
function checkPlatform() {
  if (process.platform === 'darwin' && process.arch === 'x64') {
    stop(
      'ONNX Runtime 1.30 has no binary for Intel Macs, and Mixbit runs models with it. ' +
        'Use a Mac with Apple silicon, Linux or Windows (on Apple silicon: install the arm64 Node).',
    )
  }
  if (process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime) {
    stop(
      'ONNX Runtime has no binary for Linux systems without glibc (Alpine). ' +
        'Use Debian, Ubuntu, Fedora or another system with glibc.',
    )
  }
}

/** Installs only when the lock file is another one than at the last success. */
function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  say('Installing the packages named in package-lock.json with npm ci.')
  say('The first time this downloads about 275 MB from the npm registry (740 MB on disk).')
  // The packages hold all that Mixbit needs; the install script would fetch GPU libraries besides.
  runNpm(['ci', '--no-audit', '--no-fund'], { ONNXRUNTIME_NODE_INSTALL: 'skip' })
  writeFileSync(stamp, lock)
}

function runNpm(args, variables) {
  // npm tells the scripts it starts where it is; without it, the shell must find npm.
  const npm = process.env.npm_execpath
  if (npm?.endsWith('.js')) run(process.execPath, [npm, ...args], variables)
  else run('npm', args, variables, process.platform === 'win32')
}

function run(command, args, variables = {}, shell = false) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...variables },
    shell,
    stdio: ['ignore', 2, 2],
  })
  if (error) stop(`Could not start ${command}: ${error.message}`)
  if (status !== 0) stop(`Failed: ${command} ${args.join(' ')}`, status ?? 1)
}

function say(line) {
  process.stderr.write(`[setup] ${line}\n`)
}

function stop(line, status = 1) {
  say(line)
  process.exit(status)
}
