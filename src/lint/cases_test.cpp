// Reads tests/cases/lint/*.case: documents, and what is found in them (README.md there). Every check has a document that it finds, and one that it
// looks at and does not.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "lint/checks.hpp"
#include "lint/validate.hpp"

namespace {

using lint::Finding;

struct Asked {
    std::string file, title, document;
    size_t line = 0;
    lint::Options options;
};

std::string show(const lint::Location& location, bool with_span = true) {
    std::string out;
    for (const auto& step : location.path) {
        using Kind = lint::PathElement::Kind;
        if (step.kind == Kind::index) {
            out += "[" + std::to_string(step.index) + "]";
        } else {
            out += (out.empty() ? "" : ".") + (step.kind == Kind::key ? "key " + step.name : step.name);
        }
    }
    if (out.empty()) out = "document";
    if (!with_span) return out;
    const auto& [start, end] = location.span;
    return out + " " + std::to_string(start.line) + ":" + std::to_string(start.column) + "-" + std::to_string(end.line) + ":" +
           std::to_string(end.column);
}

std::string show(const Finding& finding, bool with_spans = true) {
    std::string out = finding.code;
    for (size_t i = 0; i < finding.locations.size(); ++i)
        out += (i == 0 ? " at " : ", ") + show(finding.locations[i], with_spans);
    return out;
}

// `<x*3>` is xxx.
std::string unfold(std::string text) {
    const auto at = text.find("<x*");
    if (at == std::string::npos) return text;
    const auto end = text.find('>', at);
    REQUIRE(end != std::string::npos);
    return text.replace(at, end + 1 - at, std::stoul(text.substr(at + 3, end - at - 3)), 'x');
}

std::string show(const std::vector<Finding>& findings) {
    std::string out;
    for (const auto& finding : findings) out += "\n  " + show(finding) + "\n    " + finding.details;
    return out.empty() ? " nothing" : out;
}

// What the cases show of each check: found, and not found.
std::map<std::string, std::set<bool>, std::less<>> seen;

class Cases {
public:
    void run(const std::filesystem::path& path) {
        std::ifstream in(path);
        REQUIRE(in.is_open());
        asked_ = {.file = path.filename().string(), .title = {}, .document = {}, .options = {}};
        size_t number = 0;
        for (std::string line; std::getline(in, line);) {
            asked_.line = ++number;
            if (line.starts_with("  ")) {
                if (!in_document_) asked_.document.clear();
                in_document_ = true;
                asked_.document += (asked_.document.empty() ? "" : "\n") + line.substr(2);
                continue;
            }
            if (in_document_) found_ = lint::check(unfold(asked_.document), asked_.options).findings;
            in_document_ = false;
            if (!line.empty() && !line.starts_with('#')) take(line);
        }
    }

private:
    static std::pair<std::string, std::string> split(const std::string& line) {
        const auto space = line.find(' ');
        return {line.substr(0, space), space == std::string::npos ? "" : line.substr(space + 1)};
    }

    void take(const std::string& line) {
        const auto [word, rest] = split(line);
        const std::string where =
            asked_.file + ":" + std::to_string(asked_.line) + ": " + asked_.title + ": found" + show(found_);
        if (word == "case") {
            asked_.title = rest;
        } else if (word == "identity" || word == "resource" || word == "scp" || word == "rcp") {
            using lint::PolicyType;
            asked_.options = {.type = word == "identity"   ? PolicyType::identity
                                      : word == "resource" ? PolicyType::resource
                                      : word == "scp"      ? PolicyType::service_control
                                                           : PolicyType::resource_control,
                              .resource_type = rest};
        } else if (word == "finds") {
            if (rest == "nothing") {
                CHECK_MESSAGE(found_.empty(), where);
                return;
            }
            const auto code = split(rest).first;
            REQUIRE_MESSAGE(is_check(code), where << ": no check " << code);
            const bool found = std::ranges::any_of(found_, [&](const Finding& one) {
                return one.code == code && (show(one).starts_with(rest) || show(one, false).starts_with(rest));
            });
            CHECK_MESSAGE(found, where);
            seen[code].insert(found);
        } else if (word == "says") {
            CHECK_MESSAGE(std::ranges::any_of(found_, [&](const Finding& one) { return one.details.contains(rest); }), where);
        } else if (word == "without") {
            std::istringstream codes(rest);
            for (std::string code; codes >> code;) {
                REQUIRE_MESSAGE(is_check(code), where << ": no check " << code);
                const bool found = std::ranges::any_of(found_, [&](const Finding& one) { return one.code == code; });
                CHECK_MESSAGE(!found, where);
                if (!found) seen[code].insert(false);
            }
        } else {
            FAIL(where << ": no such line: " << line);
        }
    }

    static bool is_check(std::string_view code) {
        return std::ranges::any_of(lint::checks(), [&](const lint::Check& one) { return one.code == code; });
    }

    Asked asked_;
    bool in_document_ = false;
    std::vector<Finding> found_;
};

}  // namespace

TEST_CASE("docs/lint.md lists every check") {
    std::ifstream in("docs/lint.md");
    REQUIRE(in.is_open());
    const std::string page((std::istreambuf_iterator<char>(in)), {});
    for (const lint::Check& check : lint::checks()) CHECK_MESSAGE(page.contains("`" + std::string(check.code) + "`"), check.code);
}

TEST_CASE("cases: what is found, and where") {
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator("tests/cases/lint"))
        if (entry.path().extension() == ".case") ++files, Cases().run(entry.path());
    CHECK(files > 0);
    for (const lint::Check& check : lint::checks()) {
        if (check.of_account) continue;  // account_test.cpp
        CHECK_MESSAGE(seen[std::string(check.code)].contains(true), "no case finds " << check.code);
        CHECK_MESSAGE(seen[std::string(check.code)].contains(false), "no case without " << check.code);
    }
}
