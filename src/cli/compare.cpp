// `trainwarden compare`: what one version of a policy document grants and another does not, of documents alone, without a server.
#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "cli/access.hpp"
#include "cli/commands.hpp"
#include "cli/terminal.hpp"
#include "lint/account.hpp"
#include "os/file.hpp"
#include "proof/grants.hpp"
#include "text/one_or_many.hpp"

namespace cli {
namespace {

using proof::DocumentKind;
using proof::Grants;
using text::Json;
using Kind = proof::Answer::Kind;

constexpr int no_new_access = 0, new_access = 1, could_not_compare = 2, not_known = 4;

struct Options {
    std::string before, after;
    bool json = false;
};

// What it is about, its elements say (docs/lint.md).
DocumentKind kind_of(const std::string& name, const std::string& document) {
    return lint::guess(name, document).type == lint::PolicyType::resource ? DocumentKind::resource : DocumentKind::identity;
}

base::Result<Grants> granted_by_one(const std::string& file, const std::string& document, const std::string& other,
                                    DocumentKind kind) {
    auto grants = proof::find_new_access(document, other, kind);
    if (!grants) grants.error().message = file + ": " + grants.error().message;
    return grants;
}

// `statement 2 (Uploads)`
std::string statement_name(const Json& document, uint32_t number) {
    const std::string sid = text::one_or_many(document["Statement"])[number]["Sid"].as_string();
    return "statement " + std::to_string(number + 1) + (sid.empty() ? "" : " (" + sid + ")");
}

// Of a request's circumstances, those that one of the documents asks about.
Json asked_about(const Json& context, const std::string& lower_documents) {
    Json out = Json::object();
    for (const auto& [key, value] : context.members())
        if (lower_documents.contains(key)) out.set(key, value);
    return out;
}

struct Side {
    const char* sign;
    Style style;
    std::string verb;
};

void print_grants(const Grants& grants, const Json& document, const std::string& lower_documents, const Side& side) {
    if (grants.kind == Kind::no) return;
    std::string by;
    for (const uint32_t number : grants.statements) by += (by.empty() ? "" : ", ") + statement_name(document, number);
    if (grants.kind == Kind::unknown) {
        print(paint(Style::yellow, "? ") + "it could not be told whether it " + side.verb + " anything: " + Text(grants.reason) +
              "\n");
    } else {
        const Json request = request_json(*grants.witness);
        print(paint(side.style, side.sign) + Text(side.verb + " ") + request["action"].as_string() + " on " +
              request["resource"].as_string() + " to " + request["principal"].as_string() + "\n");
        const Json context = asked_about(request["context"], lower_documents);
        if (!context.members().empty()) print(paint(Style::dim, "    with " + Text(context.dump())) + "\n");
    }
    if (!by.empty()) print(paint(Style::dim, "    by " + Text(by)) + "\n");
}

Json grants_json(const Grants& grants) {
    Json statements = Json::array();
    for (const uint32_t number : grants.statements) statements.push(static_cast<int64_t>(number));
    Json out = Json::object({{"answer", grants.kind == Kind::yes  ? "yes"
                                        : grants.kind == Kind::no ? "no"
                                                                  : "unknown"},
                             {"statements", std::move(statements)}});
    if (!grants.reason.empty()) out.set("reason", grants.reason);
    if (grants.witness) out.set("witness", request_json(*grants.witness));
    return out;
}

const char* word_for(const Grants& gained, const Grants& lost) {
    if (gained.kind == Kind::unknown || lost.kind == Kind::unknown) return "unknown";
    if (gained.kind == Kind::yes) return lost.kind == Kind::yes ? "different" : "more";
    return lost.kind == Kind::yes ? "less" : "equivalent";
}

base::Result<int> run_compare(const Options& options) {
    const std::string before = TRY(os::read_file(options.before)), after = TRY(os::read_file(options.after));
    const DocumentKind kind = kind_of(options.after, after);
    if (kind != kind_of(options.before, before))
        return base::fail(
            base::code::InvalidArgument,
            options.before + " and " + options.after + " are not of one kind: one says who may (Principal), the other does not");
    const Grants gained = TRY(granted_by_one(options.after, after, before, kind));
    const Grants lost = TRY(granted_by_one(options.before, before, after, kind));
    const std::string word = word_for(gained, lost);
    if (options.json) {
        print_pretty_json(Json::object({{"result", word}, {"gained", grants_json(gained)}, {"lost", grants_json(lost)}}));
    } else {
        const std::string lower_documents = base::lower(before + after);
        print_grants(gained, TRY(text::parse_json(after)), lower_documents, {"+ ", Style::green, "newly allows"});
        print_grants(lost, TRY(text::parse_json(before)), lower_documents, {"- ", Style::red, "no longer allows"});
        const Text name(options.after);
        if (word == "equivalent") print(name + " allows the same as " + options.before + ": proved\n");
        if (word == "less") print(name + " allows nothing that " + options.before + " does not: proved\n");
        if (word == "more") print(name + " allows all that " + options.before + " does, and more: proved\n");
    }
    if (gained.kind == Kind::yes) return new_access;
    return gained.kind == Kind::unknown ? not_known : no_new_access;
}

base::Result<int> compare(const Options& options) {
    auto status = run_compare(options);
    if (status) return status;
    print_error(status.error());
    return could_not_compare;
}

}  // namespace

void add_compare(Command& root) {
    auto options = std::make_shared<Options>();
    Command command =
        root.subcommand("compare", "What a policy document allows that another does not, with a request that shows it");
    command.positional("OLD", options->before, "a policy document: of a user or role, of a bucket, or a trust policy");
    command.positional("NEW", options->after, "another of the same kind");
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return compare(*options); });
    command.footer(
        "Exit status: 0 proved that NEW allows nothing that OLD does not, 1 it does, 2 they cannot be compared, 4 not known. "
        "docs/proof.md says what is compared.");
}

}  // namespace cli
