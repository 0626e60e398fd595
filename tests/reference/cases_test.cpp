// Runs tests/cases/policy/*.case; the format is in the README there.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <type_traits>

#include "base/strings.hpp"
#include "compare.hpp"
#include "policy/evaluate.hpp"
#include "policy/explain.hpp"
#include "question.hpp"
#include "reference.hpp"

namespace {

using namespace policy;
using base::trim;
using reference::kind_named;
using reference::layer_name;
using reference::outcome_name;

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

// The rules of the table in rules.md.
std::vector<std::string> rules() {
    std::ifstream file(folder + "/rules.md");
    std::vector<std::string> out;
    std::string line;
    while (std::getline(file, line)) {
        if (!line.starts_with("| R") && !line.starts_with("| G")) continue;
        out.emplace_back(line.substr(2, line.find(' ', 2) - 2));
    }
    return out;
}

// `path::test`: does that file hold a test of that name?
bool test_exists(std::string_view name) {
    const auto colons = name.find("::");
    if (colons == std::string_view::npos) return false;
    std::ifstream file{std::string(name.substr(0, colons))};
    std::stringstream content;
    content << file.rdbuf();
    const auto test = std::string(name.substr(colons + 2));
    const bool python = name.substr(0, colons).ends_with(".py");
    return content.str().find(python ? "\ndef " + test + "(" : "\nTEST_CASE(\"" + test + "\"") != std::string::npos;
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
            elsewhere(rest);
        else if (word == "partition")
            partition_ = rest;
        else if (word == "principal")
            principal(rest);
        else if (word == "detach")
            detach(rest);
        else if (word == "do")
            ask(rest);
        else if (word == "with" || word == "also")
            with(rest, word == "also");
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
        partition_ = "aws";
        principal("user alice");
    }

    // A rule that this room does not decide: who does, and the tests that show it, one an indented line.
    void elsewhere(const std::string& rest) {
        const auto rule = rest.substr(0, rest.find(':'));
        title_ = rest;
        coverage_.elsewhere.insert(rule);
        size_t tests = 0;
        for (const auto test : base::split(line_->document, '\n')) {
            if (trim(test).empty()) continue;
            ++tests;
            CHECK_MESSAGE(test_exists(trim(test)), where(), ": there is no test ", std::string(trim(test)));
        }
        CHECK_MESSAGE(tests > 0, where(), ": names no test");
    }

    void principal(const std::string& words) {
        const auto found = reference::principal_of(words, partition_);
        if (!found) return broken("no such principal");
        request_.principal = *found;
    }

    void attach(std::string word, const std::string& rest) {
        const bool same_level = word.ends_with('+');
        if (same_level) word.pop_back();
        const auto kind = kind_named(word);
        if (!kind) return broken("unknown line `" + word + "`");
        AttachedPolicy attached{nullptr, word};
        if (rest == "stored") {
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

    // Bare text, or a JSON string.
    std::string plain(std::string_view written) const {
        if (!written.starts_with('"')) return std::string(written);
        const auto json = text::parse_json(written);
        if (!json || !json->is_string()) broken("not a JSON string");
        return json->as_string();
    }

    void ask(std::string rest) {
        request_.resource_account.clear();
        if (const auto owner = rest.find(" owner "); owner != std::string::npos)
            request_.resource_account = rest.substr(owner + 7), rest.resize(owner);
        const auto on = rest.find(" on ");
        if (on == std::string::npos) return broken("a request is `do ACTION on RESOURCE`");
        request_.action = rest.substr(0, on);
        request_.resource = plain(trim(std::string_view(rest).substr(on + 4)));
    }

    void with(const std::string& rest, bool also) {
        const auto equals = rest.find(" =");
        if (equals == std::string::npos) return broken("a key is `with KEY = VALUE`");
        const auto key = rest.substr(0, equals);
        const auto value = trim(std::string_view(rest).substr(equals + 2));
        Context one = also ? context_[base::lower(key)] : Context();
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
        const auto expected = reference::evaluate(request_, reference::read(policies_));
        CHECK_MESSAGE(outcome_name(expected.outcome) == words[0], "reference: ", where());
        const auto wrong = reference::difference(request_, policies_, expected);
        CHECK_MESSAGE(wrong.empty(), where(), "\n", wrong);
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
        CHECK_MESSAGE(reference::acceptable(line_->document, *kind), "reference: ", where());
        saw("accept");
    }

    void reject(const std::string& rest) {
        const auto space = rest.find(' ');
        const auto kind = kind_named(rest.substr(0, space));
        if (!kind) return broken("no such kind of policy");
        CHECK_MESSAGE(!reference::acceptable(line_->document, *kind), "reference: ", where());
        const auto parsed = Policy::parse(line_->document, *kind);
        CHECK_MESSAGE(!parsed, where());
        if (parsed) return;
        CHECK_MESSAGE(parsed.error().code + ": " + parsed.error().message == trim(rest.substr(space)), where());
        notes_ = base::join(parsed.error().notes, "\n");
        CHECK_MESSAGE(!notes_.empty(), where(), ": a refusal says what exactly is wrong");
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
    const auto all = rules();
    REQUIRE(all.size() == 88);  // R1-R81, G1-G7
    for (const auto& rule : all) {
        if (coverage.elsewhere.contains(rule)) continue;
        const auto& seen = coverage.seen[rule];
        CHECK_MESSAGE((seen.contains("allow") || seen.contains("accept")), rule, " has no case that allows or accepts");
        CHECK_MESSAGE((seen.contains("implicit") || seen.contains("deny") || seen.contains("reject")), rule,
                      " has no case that refuses");
    }
    const std::set<std::string> known(all.begin(), all.end());
    for (const auto& [rule, seen] : coverage.seen) CHECK_MESSAGE(known.contains(rule), rule, " is not in rules.md");
    for (const auto& rule : coverage.elsewhere) CHECK_MESSAGE(known.contains(rule), rule, " is not in rules.md");
}

// Ceph RGW kept decisions in an int: in one handler a Deny was 0, which meant permitted.
TEST_CASE("a decision is no truth value and no number") {
    static_assert(!std::is_constructible_v<bool, Decision> && !std::is_convertible_v<Decision, int>);
    static_assert(!std::is_constructible_v<bool, Verdict> && !std::is_convertible_v<Verdict, int>);
    static_assert(!std::is_convertible_v<Outcome, bool> && !std::is_convertible_v<Outcome, int>);
    CHECK(Decision().outcome == Outcome::implicit_deny);  // and one that nobody made is a no
    CHECK(Verdict().outcome == Outcome::implicit_deny);
}

TEST_CASE("a document of more than 4 MiB is refused, and denies if it was stored") {
    const auto document = [](size_t size) {
        std::string text = R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})";
        return text + std::string(size - text.size(), ' ');
    };
    CHECK(Policy::parse(document(4 * 1024 * 1024), PolicyKind::identity).has_value());
    const auto refused = Policy::parse(document(4 * 1024 * 1024 + 1), PolicyKind::identity);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == "MalformedPolicyDocument");
    CHECK(base::join(refused.error().notes, "") == "a policy holds at most 4 MiB");
    Request request{.action = "s3:GetObject", .resource = "arn:aws:s3:::b/k"};
    request.principal = *reference::principal_of("user alice", "aws");
    PolicySet policies;
    policies.identity = {{Policy::parse_stored(document(4 * 1024 * 1024), PolicyKind::identity), "fits"}};
    CHECK(evaluate(request, policies).outcome == Outcome::allow);
    policies.identity = {{Policy::parse_stored(document(4 * 1024 * 1024 + 1), PolicyKind::identity), "too large"}};
    CHECK(evaluate(request, policies).outcome == Outcome::explicit_deny);
}
