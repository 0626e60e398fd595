//! Cedar's side of bench/policy: the conversation of README.md over the files that restate.py wrote.
//!
//! Policies are parsed, entities and requests built before anything is timed; one `is_authorized` is one decision.
use std::collections::HashMap;
use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::str::FromStr;
use std::time::{Duration, Instant};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, Request,
};
use serde_json::{json, Value};

fn die(why: impl std::fmt::Display) -> ! {
    eprintln!("error: {why}");
    std::process::exit(1)
}

fn or_die<T, E: std::fmt::Display>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| die(format!("{what}: {error}")))
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(or_die(EntityTypeName::from_str(kind), kind), EntityId::new(id))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| die(format!("no text {key} in {value}")))
}

fn request(value: &Value) -> Request {
    let principal = uid(value["principal"][0].as_str().unwrap_or("?"), value["principal"][1].as_str().unwrap_or("?"));
    let context = or_die(Context::from_json_value(value["context"].clone(), None), "context");
    let request = Request::new(principal, uid("Action", text(value, "action")), uid("Resource", text(value, "resource")), context, None);
    or_die(request, "request")
}

fn requests(value: &Value) -> Vec<Request> {
    value.as_array().unwrap_or_else(|| die("requests are a list")).iter().map(request).collect()
}

struct Case {
    policies: PolicySet,
    entities: Entities,
    requests: Vec<Request>,
    allowed: Vec<bool>, // as expected; only to tell the sequences apart
}

impl Case {
    fn sequence(&self, name: &str) -> Vec<&Request> {
        let wanted = |allowed: bool| name == "all" || (name == "allow") == allowed;
        self.requests.iter().zip(&self.allowed).filter(|(_, allowed)| wanted(**allowed)).map(|(request, _)| request).collect()
    }
}

fn quantile(values: &mut [f64], q: f64) -> f64 {
    let at = (q * (values.len() - 1) as f64) as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// The processor time that this process has used, in ns: what a busy machine's other work does not add to.
fn processor_time() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec that lives through the call.
    if unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) } != 0 {
        die("no clock of this process's processor time");
    }
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

fn clock_overhead() -> f64 {
    let mut empty: Vec<f64> = (0..20_001).map(|_| -(processor_time() - processor_time())).collect();
    quantile(&mut empty, 0.5)
}

fn measured(case: &Case, sequence: &str, budget: Duration) -> Value {
    let authorizer = Authorizer::new();
    let sequence = case.sequence(sequence);
    let decide = |request: &Request| black_box(authorizer.is_authorized(request, &case.policies, &case.entities)).decision();
    let ask_all = || sequence.iter().for_each(|request| { black_box(decide(request)); });
    ask_all();
    let warm = Instant::now();
    ask_all();
    let passes = ((200e3 / warm.elapsed().as_nanos() as f64) as usize).max(1);
    let per_batch = passes * sequence.len();
    let (mut batches, mut singles) = (Vec::new(), Vec::new());
    let start = Instant::now();
    while batches.is_empty() || start.elapsed() < budget / 2 {
        let from = processor_time();
        (0..passes).for_each(|_| ask_all());
        batches.push((processor_time() - from) / per_batch as f64);
    }
    let overhead = clock_overhead();
    let start = Instant::now();
    while singles.is_empty() || start.elapsed() < budget / 2 {
        for request in &sequence {
            let from = processor_time();
            black_box(decide(request));
            singles.push((processor_time() - from - overhead).max(0.0));
        }
    }
    let decisions = batches.len() * per_batch + singles.len();
    json!({"median_ns": quantile(&mut batches, 0.5), "single_median_ns": quantile(&mut singles, 0.5),
           "p99_ns": quantile(&mut singles, 0.99), "decisions": decisions})
}

fn compiled(source: &str, budget: Duration) -> Value {
    let (mut times, start) = (Vec::new(), Instant::now());
    while times.len() < 3 || start.elapsed() < budget {
        let from = processor_time();
        let policies = black_box(or_die(PolicySet::from_str(source), "compile"));
        times.push(processor_time() - from);
        drop(policies);
    }
    json!({"median_ns": quantile(&mut times, 0.5), "p99_ns": quantile(&mut times, 0.99)})
}

fn resident_bytes() -> u64 {
    let statm = or_die(std::fs::read_to_string("/proc/self/statm"), "/proc/self/statm");
    let pages: u64 = statm.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| die("/proc/self/statm"));
    pages * 4096
}

/// `@@` becomes the next number, `@` this one.
fn numbered(text: &str, number: u64) -> String {
    text.replace("@@", &format!("{:07}", number + 1)).replace('@', &format!("{number:07}"))
}

/// The policies of `count` principals in one set; the ceilings that all share stand in it once.
fn populated(folder: &str, count: u64) -> Value {
    let own = read(&format!("{folder}/population/own.cedar"));
    let shared = read(&format!("{folder}/population/shared.cedar"));
    let questions: Value = read_json(&format!("{folder}/population/cedar.json"));
    let before = resident_bytes();
    let start = Instant::now();
    let mut policies = or_die(PolicySet::from_str(&shared), "shared policies");
    for i in 0..count {
        for (j, source) in own.split("\n\n").enumerate() {
            let policy = Policy::parse(Some(PolicyId::new(format!("{i}-{j}"))), numbered(source, i));
            or_die(policies.add(or_die(policy, source)), "add");
        }
    }
    let (seconds, bytes) = (start.elapsed().as_secs_f64(), resident_bytes() - before);
    let authorizer = Authorizer::new();
    for i in (0..count).step_by((count / 5).max(1) as usize) {
        let case: Value = or_die(serde_json::from_str(&numbered(&questions.to_string(), i)), "questions");
        let entities = or_die(Entities::from_json_value(case["entities"].clone(), None), "entities");
        for (each, allowed) in requests(&case["requests"]).iter().zip([true, false]) {
            let decision = authorizer.is_authorized(each, &policies, &entities).decision();
            if (decision == Decision::Allow) != allowed {
                die(format!("principal {i}: allowed is not {allowed}"));
            }
        }
    }
    json!({"bytes": bytes, "seconds": seconds, "principals": count})
}

fn read(path: &str) -> String {
    or_die(std::fs::read_to_string(path), path)
}

fn read_json(path: &str) -> Value {
    or_die(serde_json::from_str(&read(path)), path)
}

fn load(folder: &str, name: &str) -> Case {
    let value = read_json(&format!("{folder}/{name}/cedar.json"));
    let allowed = value["allowed"].as_array().unwrap_or_else(|| die("allowed")).iter().map(|each| each == true).collect();
    Case {
        policies: or_die(PolicySet::from_str(&read(&format!("{folder}/{name}/policies.cedar"))), name),
        entities: or_die(Entities::from_json_value(value["entities"].clone(), None), "entities"),
        requests: requests(&value["requests"]),
        allowed,
    }
}

fn answers(case: &Case) -> Value {
    let authorizer = Authorizer::new();
    let answer = |request| {
        let response = authorizer.is_authorized(request, &case.policies, &case.entities);
        if let Some(error) = response.diagnostics().errors().next() {
            die(format!("a policy failed to evaluate: {error}"));
        }
        if response.decision() == Decision::Allow { "allow" } else { "deny" }
    };
    json!({"answers": case.requests.iter().map(answer).collect::<Vec<_>>()})
}

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| die("usage: bench-policy-cedar FOLDER"));
    let mut cases: HashMap<String, Case> = HashMap::new();
    for line in io::stdin().lock().lines() {
        let line = or_die(line, "standard input");
        let words: Vec<&str> = line.split(' ').collect();
        let milliseconds = |word: &str| Duration::from_millis(or_die(word.parse(), word));
        let case = |name: &str| cases.get(name).unwrap_or_else(|| die(format!("case {name} is not loaded")));
        let answer = match words[..] {
            ["load", name] => {
                cases.insert(name.to_string(), load(&folder, name));
                json!({})
            }
            ["drop", name] => {
                cases.remove(name);
                json!({})
            }
            ["answers", name] => answers(case(name)),
            ["round", name, sequence, budget] => measured(case(name), sequence, milliseconds(budget)),
            ["compile", budget] => compiled(&read(&format!("{folder}/compile/policies.cedar")), milliseconds(budget)),
            ["population", count] => populated(&folder, or_die(count.parse(), count)),
            ["about"] => json!({"clock": format!("processor time, {:.0} ns subtracted", clock_overhead())}),
            _ => die(format!("unknown command: {line}")),
        };
        let mut out = io::stdout().lock();
        or_die(writeln!(out, "{answer}").and_then(|()| out.flush()), "standard output");
    }
}
