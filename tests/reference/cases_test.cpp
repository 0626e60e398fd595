// Runs tests/cases/policy/*.case; the format is in the README there.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "base/strings.hpp"
#include "policy/evaluate.hpp"
#include "policy/explain.hpp"
#include "reference.hpp"

namespace {

using namespace policy;
using base::trim;

const std::string folder = "tests/cases/policy";

struct Line {
    size_t number;
    std::string text;      // without the indented lines below it
    std::string document;  // those
};

std::vector<Line> read_lines(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::vector<Line> out;
    std::string line;
    for (size_t number = 1; std::getline(file, line); ++number) {
        if (line.starts_with('#')) continue;
        if (line.starts_with(' ') && !out.empty())
            out.back().document += line + "\n";
        else if (!trim(line).empty())
            out.push_back({number, std::string(trim(line)), ""});
    }
    return out;
}

std::string_view outcome_name(Outcome outcome) {
    return outcome == Outcome::allow ? "allow" : outcome == Outcome::explicit_deny ? "deny" : "implicit";
}

std::optional<PolicyKind> kind_named(std::string_view name) {
    static const std::map<std::string_view, PolicyKind> kinds = {
        {"identity", PolicyKind::identity},   {"boundary", PolicyKind::identity}, {"session", PolicyKind::session},
        {"resource", PolicyKind::resource},   {"endpoint", PolicyKind::resource}, {"trust", PolicyKind::trust},       {"scp", PolicyKind::service_control},
        {"rcp", PolicyKind::resource_control}};
    const auto found = kinds.find(name);
    return found == kinds.end() ? std::nullopt : std::optional(found->second);
}

std::string_view layer_name(Layer layer) {
    switch (layer) {
        case Layer::identity:
            return "identity";
        case Layer::boundary:
            return "boundary";
        case Layer::session:
            return "session";
        case Layer::service_control:
            return "scp";
        case Layer::resource_control:
            return "rcp";
        case Layer::resource:
            return "resource";
        case Layer::vpc_endpoint:
            return "endpoint";
        case Layer::account_root:
            return "root";
        case Layer::always:
            return "always";
    }
    return "?";
}

// The rules whose cases saw each outcome, over all files.
struct Coverage {
    std::map<std::string, std::set<std::string>> seen;
    std::set<std::string> elsewhere;
};

class Runner {
public:
    Runner(std::string file, Coverage& coverage) : file_(std::move(file)), coverage_(coverage) {}

    void run(const Line& line) {
        line_ = &line;
        const auto space = line.text.find(' ');
        const auto word = line.text.substr(0, space);
        auto rest = space == std::string::npos ? std::string() : std::string(trim(std::string_view(line.text).substr(space)));
        if (word == "case")
            begin(rest);
        else if (word == "elsewhere")
            coverage_.elsewhere.insert(rest.substr(0, rest.find(':')));
        else if (word == "partition")
            partition_ = rest;
        else if (word == "principal")
            principal(rest);
        else if (word == "detach")
            detach(rest);
        else if (word == "do")
            ask(rest);
        else if (word == "with")
            with(rest);
        else if (word == "without")
            context_.erase(base::lower(rest));
        else if (word == "expect")
            expect(rest);
        else if (word == "message")
            CHECK_MESSAGE(denial_message(request_, decision_) == rest, where());
        else if (word == "accept")
            accept(rest);
        else if (word == "reject")
            reject(rest);
        else if (word == "note")
            note(rest);
        else
            attach(word, rest);
    }

private:
    std::string where() const { return file_ + ":" + std::to_string(line_->number) + ": " + title_; }
    void broken(const std::string& why) const { FAIL(where() << ": " << why); }
    void saw(const std::string& outcome) {
        for (const auto& rule : rules_) coverage_.seen[rule].insert(outcome);
    }

    void begin(const std::string& rest) {
        const auto colon = rest.find(':');
        if (colon == std::string::npos) return broken("a case is `case RULES: title`");
        rules_.clear();
        for (const auto rule : base::split(std::string_view(rest).substr(0, colon), ',')) rules_.emplace_back(trim(rule));
        title_ = rest;
        policies_ = {}, request_ = {}, context_.clear();
        stored_ = false, partition_ = "aws";
        principal("user alice");
    }

    void principal(std::string rest) {
        auto account = std::string("111122223333");
        if (const auto in = rest.find(" in "); in != std::string::npos) account = rest.substr(in + 4), rest.resize(in);
        const auto words = base::split(rest, ' ');
        const auto kind = words[0];
        const auto name = std::string(words.size() > 1 ? words[1] : "");
        const auto base_name = name.substr(name.rfind('/') + 1);
        const auto iam = "arn:" + partition_ + ":iam::" + account + ":", sts = "arn:" + partition_ + ":sts::" + account + ":";
        Principal out;
        out.account = account;
        if (kind == "user") {
            out.kind = PrincipalKind::user, out.arn = out.user_arn = iam + "user/" + name,
            out.unique_id = "AIDA" + upper(base_name);
        } else if (kind == "root") {
            out.kind = PrincipalKind::root, out.arn = iam + "root", out.unique_id = account;
        } else if (kind == "role" || kind == "linked-role") {
            const auto session = std::string(words.size() > 3 ? words[3] : "s");
            out.kind = PrincipalKind::role_session, out.role_arn = iam + "role/" + name, out.role_id = "AROA" + upper(base_name);
            out.arn = sts + "assumed-role/" + base_name + "/" + session, out.unique_id = out.role_id + ":" + session;
            out.service_linked_role = kind == "linked-role";
        } else if (kind == "federated" && words.size() == 4) {
            out.kind = PrincipalKind::federated_user, out.arn = sts + "federated-user/" + name;
            out.user_arn = iam + "user/" + std::string(words[3]), out.unique_id = account + ":" + name;
        } else if (kind == "service") {
            out = {.kind = PrincipalKind::service, .service = name};
        } else if (kind == "anonymous") {
            out = {};
        } else if (kind == "vouched") {
            out = {.federated_provider = name};
        } else {
            broken("no such principal");
        }
        request_.principal = std::move(out);
    }

    static std::string upper(std::string text) {
        for (auto& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        return text;
    }

    void attach(std::string word, const std::string& rest) {
        const bool same_level = word.ends_with('+');
        if (same_level) word.pop_back();
        const auto kind = kind_named(word);
        if (!kind) return broken("unknown line `" + word + "`");
        AttachedPolicy attached{nullptr, word};
        if (rest == "stored") {
            stored_ = true;
            attached.policy = Policy::parse_stored(line_->document, *kind);
        } else {
            auto parsed = Policy::parse(line_->document, *kind);
            if (!parsed) return broken(parsed.error().describe());
            attached.policy = *parsed;
        }
        if (word == "identity") policies_.identity.push_back(attached);
        if (word == "boundary") policies_.boundary = attached;
        if (word == "session") {
            if (!policies_.session) policies_.session.emplace();
            policies_.session->push_back(attached);
        }
        if (word == "resource" || word == "trust") policies_.resource = attached;
        if (word == "endpoint") policies_.vpc_endpoint = attached;
        auto* levels = word == "scp" ? &policies_.service_control : word == "rcp" ? &policies_.resource_control : nullptr;
        if (!levels) return;
        if (!same_level || levels->empty()) levels->emplace_back();
        levels->back().push_back(attached);
    }

    void detach(const std::string& layer) {
        if (layer == "identity")
            policies_.identity.clear();
        else if (layer == "boundary")
            policies_.boundary.reset();
        else if (layer == "session")
            policies_.session.reset();
        else if (layer == "resource" || layer == "trust")
            policies_.resource.reset();
        else if (layer == "endpoint")
            policies_.vpc_endpoint.reset();
        else if (layer == "scp")
            policies_.service_control.clear();
        else if (layer == "rcp")
            policies_.resource_control.clear();
        else
            broken("no such layer");
    }

    void ask(std::string rest) {
        request_.resource_account.clear();
        if (const auto owner = rest.find(" owner "); owner != std::string::npos)
            request_.resource_account = rest.substr(owner + 7), rest.resize(owner);
        const auto on = rest.find(" on ");
        if (on == std::string::npos) return broken("a request is `do ACTION on RESOURCE`");
        request_.action = rest.substr(0, on);
        request_.resource = rest.substr(on + 4);
    }

    void with(const std::string& rest) {
        const auto equals = rest.find(" =");
        if (equals == std::string::npos) return broken("a key is `with KEY = VALUE`");
        const auto key = rest.substr(0, equals);
        const auto value = trim(std::string_view(rest).substr(equals + 2));
        const auto plain = [](std::string_view text) { return text == "\"\"" ? std::string() : std::string(text); };
        Context one;
        if (value.starts_with('[') && value.ends_with(']')) {
            std::vector<std::string> values;
            if (const auto inside = trim(value.substr(1, value.size() - 2)); !inside.empty())
                for (const auto item : base::split(inside, ',')) values.push_back(plain(trim(item)));
            one.set_list(key, values);
        } else {
            one.set(key, plain(value));
        }
        context_[base::lower(key)] = one;
    }

    void expect(const std::string& rest) {
        request_.context = {};
        for (const auto& [key, one] : context_) request_.context.merge(one);
        decision_ = evaluate(request_, policies_);
        const auto words = base::split(rest, ' ');
        const auto outcome = outcome_name(decision_.outcome);
        CHECK_MESSAGE(outcome == words[0], where(), "\n", explain(request_, decision_));
        if (!stored_)
            CHECK_MESSAGE(outcome_name(reference::evaluate(request_, reference::read(policies_))) == words[0],
                          "reference: ", where());
        saw(std::string(outcome));
        std::map<std::string, std::vector<std::string>> lists;
        std::string list;
        for (size_t i = 1; i < words.size(); ++i) {
            if (words[i] == "because" || words[i] == "missing" || words[i] == "by")
                lists[list = words[i]];
            else
                lists[list].emplace_back(words[i]);
        }
        if (lists.contains("by")) CHECK_MESSAGE(layer_name(decision_.layer) == base::join(lists["by"], " "), where());
        if (lists.contains("because")) {
            std::vector<std::string> because;
            for (const auto& ref : decision_.because)
                because.push_back(std::string(layer_name(ref.layer)) + "/" +
                                  (ref.info.sid.empty() ? std::to_string(ref.statement + 1) : ref.info.sid));
            CHECK_MESSAGE(base::join(because, " ") == base::join(lists["because"], " "), where());
        }
        if (lists.contains("missing")) {
            std::vector<std::string> missing;
            for (const auto layer : decision_.missing) missing.emplace_back(layer_name(layer));
            CHECK_MESSAGE(base::join(missing, " ") == base::join(lists["missing"], " "), where());
        }
    }

    void accept(const std::string& name) {
        const auto kind = kind_named(name);
        if (!kind) return broken("no such kind of policy");
        const auto parsed = Policy::parse(line_->document, *kind);
        CHECK_MESSAGE(parsed.has_value(), where(), "\n", parsed ? "" : parsed.error().describe());
        saw("accept");
    }

    void reject(const std::string& rest) {
        const auto space = rest.find(' ');
        const auto kind = kind_named(rest.substr(0, space));
        if (!kind) return broken("no such kind of policy");
        const auto parsed = Policy::parse(line_->document, *kind);
        CHECK_MESSAGE(!parsed, where());
        if (parsed) return;
        CHECK_MESSAGE(parsed.error().code + ": " + parsed.error().message == trim(rest.substr(space)), where());
        notes_ = base::join(parsed.error().notes, "\n");
        saw("reject");
    }

    void note(const std::string& text) { CHECK_MESSAGE(notes_.find(text) != std::string::npos, where(), "\n", notes_); }

    std::string file_;
    Coverage& coverage_;
    const Line* line_ = nullptr;
    std::vector<std::string> rules_;
    std::string title_ = "before the first case", partition_ = "aws", notes_;
    Request request_;
    std::map<std::string, Context> context_;
    PolicySet policies_;
    Decision decision_;
    bool stored_ = false;
};

}  // namespace

TEST_CASE("text cases") {
    Coverage coverage;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".case") files.push_back(entry.path());
    REQUIRE(!files.empty());
    std::ranges::sort(files);
    for (const auto& file : files) {
        Runner runner(file.string(), coverage);
        for (const auto& line : read_lines(file)) runner.run(line);
    }
    // Every rule has a case that lets something through and one that does not, or says who decides it.
    std::vector<std::string> rules;
    for (int i = 1; i <= 80; ++i) rules.push_back("R" + std::to_string(i));
    for (int i = 1; i <= 4; ++i) rules.push_back("G" + std::to_string(i));
    for (const auto& rule : rules) {
        if (coverage.elsewhere.contains(rule)) continue;
        const auto& seen = coverage.seen[rule];
        CHECK_MESSAGE((seen.contains("allow") || seen.contains("accept")), rule, " has no case that allows or accepts");
        CHECK_MESSAGE((seen.contains("implicit") || seen.contains("deny") || seen.contains("reject")), rule,
                      " has no case that refuses");
    }
}
