// `trainwarden least-privilege`: the policy that a role's record shows to be needed, and what it takes away.
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "base/error_codes.hpp"
#include "cli/commands.hpp"
#include "cli/deployment.hpp"
#include "cli/policy_patch.hpp"
#include "cli/terminal.hpp"
#include "cli/time_option.hpp"
#include "model/json.hpp"
#include "model/words.hpp"
#include "os/file.hpp"
#include "text/time.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

namespace m = model::trainwarden;
using text::Json;

constexpr int too_short = 3, not_proved = 4;  // exit status
// IAM User Guide, "IAM and AWS STS quotas": all inline policies of a role together, and one managed policy, without white space.
constexpr size_t inline_characters_max = 10'240, managed_characters_max = 6'144;

struct Options : StackChoice {
    std::string role, since, until, generality = "prefix", out;
    bool allow_short_record = false, json = false, patch = false;
};

base::Result<std::optional<std::string>> time_of(const std::string& option, const std::string& text) {
    const auto time = TRY(read_time_option(option, text, base::SystemClock().now()));
    return time ? std::optional(text::iso8601_millis(*time)) : std::nullopt;
}

base::Result<m::LeastPrivilegeRequest> asked_by(const Options& options) {
    if (!options.role.starts_with("arn:"))
        return base::fail(base::Error(base::code::InvalidArgument, "`" + options.role + "` is not the ARN of a role")
                              .note("aws iam get-role --role-name " + options.role + " shows it"));
    if (options.json && options.patch)
        return base::fail(base::code::Usage, "--json and --patch both print JSON: give one of them");
    const auto generality = model::value_of<m::Generality>(options.generality);
    if (generality == m::Generality::unknown)
        return base::fail(base::code::Usage, "--generality takes exact, prefix or bucket, not `" + options.generality + "`");
    return m::LeastPrivilegeRequest{.role_arn = options.role,
                                    .since = TRY(time_of("--since", options.since)),
                                    .until = TRY(time_of("--until", options.until)),
                                    .generality = generality,
                                    .allow_short_record = options.allow_short_record};
}

base::Result<std::vector<StackResource>> read_stack(const Options& options) {
    Opened opened = TRY(open_stack(options, deploy::Stack::Open::to_read));
    std::vector<StackResource> out;
    for (const auto& one : TRY(opened.stack->snapshot()).resources)
        if (!one->doomed)
            out.push_back({.urn = one->urn,
                           .type = one->type,
                           .inputs = deploy::to_plain_json(one->inputs, false),
                           .outputs = deploy::to_plain_json(one->outputs, false)});
    return out;
}

// `2^812.4`; of few, the number.
std::string number(const std::optional<double>& log2) {
    if (!log2) return "0";
    constexpr double counted = 20;
    if (*log2 < counted) return std::to_string(std::llround(std::exp2(*log2)));
    char text[32];
    std::snprintf(text, sizeof text, "2^%.1f", *log2);
    return text;
}

std::string by_service(const std::vector<std::string>& actions) {
    std::map<std::string, size_t> counts;
    for (const std::string& action : actions) ++counts[action.substr(0, action.find(':'))];
    constexpr size_t shown_max = 12;
    std::string out;
    size_t shown = 0, left = 0;
    for (const auto& [service, count] : counts) {
        if (++shown > shown_max)
            left += count;
        else
            out += (out.empty() ? "" : ", ") + service + " " + std::to_string(count);
    }
    return left == 0
               ? out
               : out + " and " + std::to_string(left) + " of " + std::to_string(counts.size() - shown_max) + " more services";
}

std::string plural(size_t count, const std::string& one) { return std::to_string(count) + " " + one + (count == 1 ? "" : "s"); }

void print_line(const Text& name, const Text& text) {
    Text padded = name;
    for (size_t size = name.string().size(); size < 10; ++size) padded += " ";
    print(paint(Style::dim, padded) + text + "\n");
}

void print_accesses(const Text& name, const std::vector<m::RecordedAccess>& accesses) {
    for (const m::RecordedAccess& one : accesses)
        print_line(name, Text(one.action) + " on " + one.resource + ", " + plural(static_cast<size_t>(one.count), "time"));
}

void print_proof(const m::LeastPrivilegeResponse& answer) {
    if (!answer.proof) return;
    const m::LeastPrivilegeProof& proof = *answer.proof;
    const auto say = [&](m::Proof found, const Text& claim) {
        if (found == m::Proof::proved)
            print_line("proved", claim);
        else
            print_line("not known",
                       paint(Style::red, Text("whether ") + claim) + (proof.reason ? ": " + Text(*proof.reason) : Text()));
    };
    say(proof.inside, "it allows nothing that the role may not do today");
    say(proof.denies_kept, "it denies all that the role's policies deny today");
    print_line("tried", "all " + Text(std::to_string(proof.replayed)) + " different accesses of the record" +
                            (proof.lost.empty() ? " are allowed by it" : ", of which it refuses:"));
    print_accesses("refused", proof.lost);
}

void print_current(const m::LeastPrivilegeResponse& answer) {
    for (const m::CurrentPolicy& policy : model::items(answer.current_policies)) {
        size_t used = 0, denies = 0, allows = 0;
        for (const m::UsedStatement& one : policy.statements) {
            ++(one.effect == m::Effect::deny ? denies : allows);
            if (one.accesses > 0) ++used;
        }
        print_line("replaces", Text(policy.policy_name) + ": " + std::to_string(used) + " of " + plural(allows, "Allow") +
                                   " used" + (denies > 0 ? ", " + plural(denies, "Deny statement") + " kept" : ""));
    }
}

void print_what_is_left_out(const m::LeastPrivilegeResponse& answer) {
    if (answer.count) {
        print_line("requests", Text(number(answer.count->before)) + " allowed today, " + number(answer.count->after) + " left; " +
                                   number(answer.count->lost) + " no longer");
        if (answer.count->open)
            print_line("not known", "how many more: the limit of " + Text(*answer.count->open) + " cut the count off");
    }
    const auto& dropped = model::items(answer.dropped_actions);
    if (!dropped.empty())
        print_line("drops", Text(plural(dropped.size(), "action")) + ": " + by_service({dropped.begin(), dropped.end()}));
    std::string narrowed;
    for (const std::string& one : model::items(answer.narrowed_actions)) narrowed += (narrowed.empty() ? "" : ", ") + one;
    if (!narrowed.empty()) print_line("narrows", Text(narrowed));
    print_accesses("elsewhere", answer.allowed_by_resource_policies.value_or(std::vector<m::RecordedAccess>()));
    print_accesses("not today", answer.not_allowed_today.value_or(std::vector<m::RecordedAccess>()));
}

void warn_of_size(const std::string& document) {
    if (document.size() > managed_characters_max)
        print_warning("the policy has " + std::to_string(document.size()) + " characters; IAM takes " +
                      std::to_string(managed_characters_max) + " as a managed policy and " +
                      std::to_string(inline_characters_max) +
                      " inline: choose a wider --generality, or put its statements into several managed policies");
}

void print_header(const m::LeastPrivilegeResponse& answer) {
    Text line = paint(Style::cyan, answer.role_arn) + ": " + plural(static_cast<size_t>(answer.requests), "request");
    if (answer.first) line += " from " + Text(*answer.first) + " to " + model::text(answer.last);
    std::string jobs;
    for (const std::string& one : answer.training_jobs) jobs += (jobs.empty() ? "" : ", ") + one;
    if (!jobs.empty()) line += ", training jobs " + Text(jobs);
    print(line + "\n");
}

int status_of(const m::LeastPrivilegeResponse& answer) {
    if (!answer.policy_document && !answer.needs_no_policy.value_or(false)) return too_short;
    const auto& proof = *answer.proof;
    const bool proved = proof.inside == m::Proof::proved && proof.denies_kept == m::Proof::proved && proof.lost.empty();
    return proved ? 0 : not_proved;
}

base::Result<int> least_privilege(const Options& options) {
    const auto asked = TRY(asked_by(options));
    std::vector<StackResource> stack;
    if (options.patch) stack = TRY(read_stack(options));  // before anything is worked out
    wire::Client client(TRY(wire::options_from_environment()));
    const auto answer = TRY(client.call<m::LeastPrivilege>(asked));
    const int status = status_of(answer);
    std::optional<Json> document;
    if (answer.policy_document) document = TRY(text::parse_json(*answer.policy_document));
    if (document && !options.out.empty()) TRY(os::replace_file(options.out, document->pretty() + "\n", 0644));
    if (answer.policy_document) warn_of_size(*answer.policy_document);
    if (options.json) {
        print_pretty_json(model::write_document(answer));
        return status;
    }
    for (const std::string& one : answer.too_short) print_warning("the record is too short: " + one);
    if (status == too_short) {
        print_warning("no policy was made. --allow-short-record makes one all the same");
        return status;
    }
    if (options.patch) {
        print_pretty_json(to_json(policy_patch(stack, answer)));
        return status;
    }
    print_header(answer);
    if (document && options.out.empty()) print_pretty_json(*document);
    if (document && !options.out.empty()) print_line("written", options.out);
    if (!document) print("it needs no policy of its own: policies of resources allow all that was recorded\n");
    print_proof(answer);
    print_current(answer);
    print_what_is_left_out(answer);
    return status;
}

}  // namespace

void add_least_privilege(Command& root) {
    auto options = std::make_shared<Options>();
    Command command =
        root.subcommand("least-privilege", "The policy that a role's record shows to be needed, proved inside its policies");
    command.positional("ROLE", options->role, "the ARN of a role");
    command.option("--since", "TIME", options->since,
                   "the record since then: 2026-01-31T12:00:00Z, a date, or how long ago: 12h, 7d");
    command.option("--until", "TIME", options->until, "only until then");
    command.option("--generality", "HOW", options->generality,
                   "exact (the recorded resources), prefix (their folders, any training job's), or bucket (their buckets)");
    command.flag("--allow-short-record", options->allow_short_record, "make a policy although the record is too short");
    command.option("--out", "FILE", options->out, "write the policy there");
    command.flag("--patch", options->patch,
                 "print what to change of the Pulumi program, by URN and as a JSON merge patch of a YAML program");
    add_stack_options(command, *options);
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return least_privilege(*options); });
    command.footer(
        "Exit status: 0 the policy was made and is proved, 1 an error, 2 wrong usage, 3 the record is too short, 4 the policy "
        "was made and "
        "not all of it could be proved.");
}

}  // namespace cli
