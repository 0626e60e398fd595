// `trainwarden least-privilege`: the policy that a role's record shows to be needed, and what it takes away.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <filesystem>
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
// IAM User Guide, "IAM and AWS STS quotas": all inline policies of a role together, and one managed policy.
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

struct ReadStack {
    std::vector<StackResource> resources;
    std::string runtime;
};

base::Result<ReadStack> read_stack(const Options& options) {
    Opened opened = TRY(open_stack(options, deploy::Stack::Open::to_read));
    ReadStack out{.resources = {}, .runtime = opened.project->runtime};
    for (const auto& one : TRY(opened.stack->snapshot()).resources)
        if (!one->doomed)
            out.resources.push_back({.urn = one->urn,
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

std::string plural(size_t count, const std::string& one, const std::string& more = "s") {
    return std::to_string(count) + " " + one + (count == 1 ? "" : more);
}

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
}

// What is recorded and not allowed any more: which, why, and what was changed since.
void warn_of_what_is_not_allowed_today(const m::LeastPrivilegeResponse& answer) {
    const auto& accesses = model::items(answer.not_allowed_today);
    if (accesses.empty()) return;
    int64_t count = 0;
    for (const m::RecordedAccess& one : accesses) count += one.count;
    print_warning("today's policies do not allow " + plural(static_cast<size_t>(count), "recorded access", "es") +
                  ", nor does the new one: what needed them does not work under it");
    for (const m::RecordedAccess& one : accesses)
        print_warning("not today: " + one.action + " on " + one.resource + ", " + plural(static_cast<size_t>(one.count), "time") +
                      (one.last ? ", last at " + *one.last : "") + (one.reason ? ": " + *one.reason : ""));
    for (const m::PolicyChange& one : model::items(answer.policy_changes))
        print_warning("changed at " + one.time + ": " + one.action + " on " + one.resource + " by " + one.principal_arn +
                      " (trainwarden explain " + one.request_id + ")");
    if (model::items(answer.policy_changes).empty())
        print_warning("no change of these policies is recorded since: a grant may have ended by its own condition");
    else
        print_warning("--since " + answer.policy_changes->front().time + " looks at what the role did after the last change");
}

// As IAM counts them.
size_t characters_of(const std::string& document) {
    return static_cast<size_t>(std::ranges::count_if(document, [](char c) {
        const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;  // a character of UTF-8
        return !continues && c != ' ' && c != '\t' && c != '\n' && c != '\r';
    }));
}

void warn_of_size(const std::string& document) {
    const size_t size = characters_of(document);
    const std::string much = "the policy has " + std::to_string(size) + " characters without white space";
    constexpr const char* help =
        "choose a wider --generality, or put its statements into several managed policies of at most 6144 characters, of which a "
        "role takes 10: attach all of them before you remove the old ones";
    if (size > inline_characters_max)
        print_warning(much + ", and IAM takes " + std::to_string(inline_characters_max) +
                      " in all inline policies of a role: PutRolePolicy will refuse it; " + help);
    else if (size > managed_characters_max)
        print_warning(much + ": it fits as an inline policy (" + std::to_string(inline_characters_max) +
                      " with the role's others), not as a managed one (" + std::to_string(managed_characters_max) + ")");
}

// Where nothing is made, the policy of an earlier run is not taken for this one's. What is none is left alone.
base::Result<void> remove_earlier(const std::string& path) {
    if (path.empty()) return {};
    const auto content = os::read_file(path);
    if (!content && content.error().code == base::code::FileNotFound) return {};
    const auto json = content ? text::parse_json(*content) : base::Result<Json>(Json());
    if (!json || !json->is_object() || !json->contains("Statement")) {
        print_warning("`" + path + "` is not of this run, and was left as it is: it is no policy document");
        return {};
    }
    if (::unlink(path.c_str()) != 0) return base::fail(os::file_error("remove", path, errno));
    TRY(os::sync_folder(std::filesystem::path(path).parent_path().string()));
    print_warning("`" + path + "` held the policy of an earlier run and was removed: nothing was made now");
    return {};
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
    return proved && model::items(answer.not_allowed_today).empty() ? 0 : not_proved;
}

base::Result<m::LeastPrivilegeResponse> asked(const Options& options) {
    wire::Client client(TRY(wire::options_from_environment()));
    auto answer = client.call<m::LeastPrivilege>(TRY(asked_by(options)));
    if (answer || options.out.empty() || !std::filesystem::exists(options.out)) return answer;
    return base::fail(std::move(answer).error().note("`" + options.out + "` is not of this run, and was left as it is"));
}

base::Result<void> check_out(const std::string& path) {
    std::error_code error;
    const auto is = std::filesystem::status(path, error);
    if (path.empty() || is.type() == std::filesystem::file_type::not_found || std::filesystem::is_regular_file(is)) return {};
    return base::fail(base::Error(base::code::Usage, "--out takes a file, and `" + path + "` is none")
                          .note("without --out the policy is printed; --json prints it as PolicyDocument"));
}

base::Result<int> least_privilege(const Options& options) {
    TRY(asked_by(options));
    TRY(check_out(options.out));
    ReadStack stack;
    if (options.patch) stack = TRY(read_stack(options));  // before anything is worked out
    const auto answer = TRY(asked(options));
    const int status = status_of(answer);
    std::optional<Json> document;
    if (answer.policy_document) document = TRY(text::parse_json(*answer.policy_document));
    if (document && !options.out.empty()) TRY(os::replace_file(options.out, document->pretty() + "\n", 0644));
    if (answer.policy_document) warn_of_size(*answer.policy_document);
    if (options.json) print_pretty_json(model::write_document(answer));
    if (!options.json)
        for (const std::string& one : answer.too_short) print_warning("the record is too short: " + one);
    if (!options.json) warn_of_what_is_not_allowed_today(answer);
    if (!document) TRY(remove_earlier(options.out));
    if (options.json) return status;
    if (status == too_short) {
        print_warning("no policy was made. --allow-short-record makes one all the same, of what today's policies allow");
        return status;
    }
    if (options.patch) {
        const std::string file = options.out.empty() ? "FILE" : options.out;
        print_pretty_json(to_json(policy_patch(stack.resources, answer, file), stack.runtime));
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
    command.asks_server();
    command.positional("ROLE", options->role, "the ARN of a role");
    command.option("--since", "TIME", options->since,
                   "the record since then: 2026-01-31T12:00:00Z, a date, or how long ago: 12h, 7d");
    command.option("--until", "TIME", options->until, "only until then");
    command.option("--generality", "HOW", options->generality,
                   "exact (the recorded resources), prefix (their folders, any training job's), or bucket (their buckets)");
    command.flag("--allow-short-record", options->allow_short_record, "make a policy although the record is too short");
    command.option("--out", "FILE", options->out, "write the policy there");
    command.flag("--patch", options->patch,
                 "print what to change of the Pulumi program, by URN: as a JSON merge patch of one in YAML, as code of one in "
                 "Python or TypeScript");
    add_stack_options(command, *options);
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return least_privilege(*options); });
    command.footer(
        "Exit status: 0 the policy was made and is proved, 1 an error, 2 wrong usage, 3 the record is too short, and nothing was "
        "made, 4 the "
        "policy was made, and not all of it could be proved, or it does not allow all of the record.");
}

}  // namespace cli
