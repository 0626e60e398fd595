// iam-simulate's side of bench/policy: the conversation of README.md over the very documents and requests that Trainwarden reads.
//
// Documents are read and validated before anything is timed (the package's ValidatedPolicy); one runSimulation is one decision.
import { createValidatedPolicy, loadPolicy, validateIdentityPolicy, validateResourcePolicy, validateServiceControlPolicy, validateSessionPolicy } from '@cloud-copilot/iam-policy'
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const folder = process.argv[2]
const read = (path) => readFileSync(`${folder}/${path}`, 'utf8')

function validated(document, validate) {
  const policy = createValidatedPolicy(document, validate)
  if (policy.errors.length) throw new Error(`${JSON.stringify(policy.errors)} in ${JSON.stringify(document).slice(0, 400)}`)
  return policy
}

// The layers as runSimulation takes them.
function layers(policies) {
  const named = (list, validate) => list.map(([name, document]) => ({ name, policy: validated(document, validate) }))
  return {
    identityPolicies: named(policies.identity, validateIdentityPolicy),
    permissionBoundaryPolicies: policies.boundary ? named([['boundary', policies.boundary]], validateIdentityPolicy) : undefined,
    sessionPolicy: policies.session ? validated(policies.session, validateSessionPolicy) : undefined,
    serviceControlPolicies: policies.service_control.map((level, i) => ({
      orgIdentifier: `level-${i}`,
      policies: named(level, validateServiceControlPolicy)
    })),
    resourceControlPolicies: [],
    resourcePolicy: policies.resource ? validated(policies.resource, validateResourcePolicy) : undefined
  }
}

function simulation(layers, request) {
  return {
    ...layers,
    resourcePolicy: request.bucket ? layers.resourcePolicy : undefined,
    request: {
      principal: request.principal.arn,
      action: request.action,
      resource: { resource: request.resource, accountId: request.resource_account },
      contextVariables: request.context
    }
  }
}

const outcomes = { Allowed: 'allow', ExplicitlyDenied: 'explicit_deny', ImplicitlyDenied: 'implicit_deny' }

async function decide(simulation) {
  const result = await runSimulation(simulation, {})
  if (result.resultType === 'error') throw new Error(`${JSON.stringify(result.errors)} for ${JSON.stringify(simulation.request)}`)
  return outcomes[result.overallResult]
}

function load(name) {
  const { policies, requests } = JSON.parse(read(`${name}/case.json`))
  const shared = layers(policies)
  return requests.map((request) => ({ simulation: simulation(shared, request), allowed: request.expected === 'allow' }))
}

function quantile(values, q) {
  values.sort((a, b) => a - b)
  return values[Math.floor(q * (values.length - 1))]
}

// The processor time that this process has used, in ns (whole microseconds): what a busy machine's other work does not add to.
function processorTime() {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1000
}

const now = () => Number(process.hrtime.bigint())

function clockOverhead() {
  const from = processorTime()
  for (let i = 0; i < 10000; i++) processorTime()
  return (processorTime() - from) / 10000
}

async function measured(asked, name, milliseconds) {
  const sequence = asked.filter((each) => name === 'all' || (name === 'allow') === each.allowed).map((each) => each.simulation)
  const half = (milliseconds * 1e6) / 2
  const overhead = clockOverhead()
  const [batches, singles] = [[], []]
  for (const start = now(); singles.length === 0 || now() - start < half; ) {
    for (const each of sequence) {
      const from = processorTime()
      await decide(each)
      singles.push(Math.max(0, processorTime() - from - overhead))
    }
  }
  if (singles.length > sequence.length) {
    for (const start = now(); batches.length === 0 || now() - start < half; ) {
      const from = processorTime()
      for (const each of sequence) await decide(each)
      batches.push((processorTime() - from) / sequence.length)
    }
  } else {
    // One pass took all the time there is: it serves for a batch as well.
    batches.push(singles.reduce((sum, each) => sum + each) / singles.length)
  }
  const decisions = batches.length * sequence.length + singles.length
  return { median_ns: quantile(batches, 0.5), single_median_ns: quantile(singles, 0.5), p99_ns: quantile(singles, 0.99), decisions }
}

// What the package does once a document: read, validate and load it.
function compiled(milliseconds) {
  const text = read('compile/document.json')
  const times = []
  for (const start = now(); times.length < 3 || now() - start < milliseconds * 1e6; ) {
    const from = processorTime()
    loadPolicy(validated(JSON.parse(text), validateIdentityPolicy), { name: 'policy' })
    times.push(processorTime() - from)
  }
  return { median_ns: quantile(times, 0.5), p99_ns: quantile(times, 0.99) }
}

// `@@` becomes the next number, `@` this one.
function numbered(text, number) {
  const digits = (n) => String(n).padStart(7, '0')
  return text.replaceAll('@@', digits(number + 1)).replaceAll('@', digits(number))
}

async function populated(count) {
  const { policies, requests } = JSON.parse(read('population/case.json'))
  const own = JSON.stringify(policies.identity[0][1])
  const shared = layers(policies)
  globalThis.gc() // garbage does not count: run with --expose-gc
  const before = process.memoryUsage.rss()
  const start = now()
  const principals = []
  for (let i = 0; i < count; i++) {
    const policy = validated(JSON.parse(numbered(own, i)), validateIdentityPolicy)
    principals.push({ ...shared, identityPolicies: [{ name: shared.identityPolicies[0].name, policy }, ...shared.identityPolicies.slice(1)] })
  }
  const seconds = (now() - start) / 1e9
  globalThis.gc()
  const out = { bytes: process.memoryUsage.rss() - before, seconds, principals: count }
  for (let i = 0; i < count; i += Math.max(1, Math.floor(count / 100))) {
    for (const each of JSON.parse(numbered(JSON.stringify(requests), i))) {
      const outcome = await decide(simulation(principals[i], each))
      if (outcome !== each.expected) throw new Error(`principal ${i}: ${outcome} instead of ${each.expected}`)
    }
  }
  return out
}

const cases = new Map()

async function answer(line) {
  const [verb, name, sequence, amount] = line.split(' ')
  switch (verb) {
    case 'load':
      cases.set(name, load(name))
      return {}
    case 'drop':
      cases.delete(name)
      return {}
    case 'answers': {
      const answers = []
      for (const each of cases.get(name)) answers.push(await decide(each.simulation))
      return { answers }
    }
    case 'round':
      return await measured(cases.get(name), sequence, Number(amount))
    case 'compile':
      return compiled(Number(name))
    case 'population':
      return await populated(Number(name))
    case 'about':
      return { clock: `processor time in us, ${clockOverhead().toFixed(0)} ns subtracted` }
    default:
      throw new Error(`unknown command: ${line}`)
  }
}

for await (const line of createInterface({ input: process.stdin })) process.stdout.write(JSON.stringify(await answer(line)) + '\n')
