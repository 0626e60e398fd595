// Statements that crowd one place of the engine's index: what tells them apart is not how their resources begin, but a piece in the
// middle or at the end of the resource or the action, or the value of a condition. Pieces are cut from what is asked for, anywhere.
#include "generator.hpp"

namespace reference {

using text::Json;

// A part of `text` from `from` on, with a wildcard or a variable before it and, unless it reaches the end, behind it; now and then with
// another character in it.
std::string Generator::piece_of(std::string_view text, size_t from, bool variables) {
    const size_t begin = from + dice_.below(text.size() - from), size = 1 + dice_.below(text.size() - begin);
    std::string piece(text.substr(begin, size));
    if (dice_.chance(25)) piece[dice_.below(piece.size())] = dice_.chance(50) ? 'x' : '-';
    const auto wildcard = [&]() -> std::string { return variables && dice_.chance(15) ? "${aws:username}" : "*"; };
    std::string out(text.substr(0, from));
    out += begin == from && dice_.chance(30) ? "*" : wildcard();
    out += piece;
    if (begin + size < text.size() || dice_.chance(20)) out += wildcard();
    return out;
}

void Generator::crowd(Json& statement, const std::string& layer, const std::string& action, const std::string& resource) {
    constexpr size_t bucket_begins = std::string_view("arn:aws:s3:::").size();
    const auto service_size = action.find(':') + 1;
    if (statement.find("Action") && layer != "trust") {
        const auto kind = dice_.below(10);
        if (kind < 6) statement.set("Action", action);
        if (kind == 6) statement.set("Action", piece_of(action, service_size, false));
        if (kind == 7)
            statement.set("Action", Json::array({piece_of(action, service_size, false), piece_of(action, service_size, false)}));
        if (kind == 8) statement.set("Action", Json::array({"s3:PutObject", piece_of(action, service_size, false)}));
    }
    if (statement.find("Resource")) {
        if (dice_.chance(80)) statement.set("Resource", piece_of(resource, bucket_begins, true));
        if (dice_.chance(10))
            statement.set("Resource",
                          Json::array({piece_of(resource, bucket_begins, true), piece_of(resource, bucket_begins, true)}));
    }
    if (!dice_.chance(50)) return;
    struct Tested {
        const char *op, *key, *value, *other;
    };
    constexpr const char* role = "arn:aws:iam::111122223333:role/R";
    constexpr std::array tested = {
        Tested{"StringEquals", "aws:username", "alice", "bob"},
        Tested{"StringEquals", "AWS:UserName", "Alice", ""},
        Tested{"StringEquals", "aws:PrincipalTag/team", "team-a", "team-b"},
        Tested{"StringLike", "aws:PrincipalTag/team", "team-b", "team-${*}"},
        Tested{"StringEquals", "aws:PrincipalTag/team", "${aws:username}", "team-a"},
        Tested{"StringEqualsIfExists", "aws:PrincipalTag/team", "team-a", "alice"},
        Tested{"ArnEquals", "aws:PrincipalArn", role, "arn:aws:iam::111122223333:user/alice"},
        Tested{"ArnLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:root", "not-an-arn"},
        Tested{"ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:role/R", role},
        Tested{"ArnNotEquals", "aws:PrincipalArn", role, role},
        Tested{"StringEquals", "aws:PrincipalArn", role, "not-an-arn"},
        Tested{"StringEqualsIgnoreCase", "aws:username", "ALICE", "bob"},
        Tested{"StringEquals", "aws:TagKeys", "team", "cost"},
        Tested{"ForAnyValue:StringEquals", "aws:TagKeys", "team", "cost"},
        Tested{"StringEquals", "s3:max-keys", "10", "1e1"},
    };
    const auto& one = tested[dice_.below(tested.size())];
    Json values = one.value;
    if (dice_.chance(40)) values = Json::array({one.value, one.other});
    statement.set("Condition", Json::object({{one.op, Json::object({{one.key, std::move(values)}})}}));
}

}  // namespace reference
