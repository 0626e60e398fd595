// A record in memory, for tests of what is written to it. It can be made to fail.
#pragma once

#include <string>
#include <vector>

#include "audit/log.hpp"
#include "audit/record_text.hpp"

namespace gate {

class MemoryLog final : public audit::Log {
public:
    using audit::Log::decided;
    base::Result<audit::PendingRecord> decided(const audit::Decided& request) override {
        if (full) return base::fail("AuditFull", "full");
        texts.push_back(request.text());
        TRY(append(request.whole()));
        return audit::PendingRecord();
    }
    base::Result<void> answered(audit::PendingRecord, const audit::Answered& answer) override {
        if (answers_broken) return base::fail("AuditUnavailable", "disk full");
        answers.push_back(answer);
        return {};
    }
    base::Result<void> append(const audit::Record& record) override {
        if (broken) return base::fail("AuditUnavailable", "disk full");
        records.push_back(record);
        return {};
    }
    base::Result<std::vector<text::Json>> find(const std::string&) const override { return base::fail("NoSuchRequest", ""); }
    base::Result<audit::Page> search(const audit::Query&) const override { return audit::Page{}; }
    bool wait(const std::string&, std::chrono::milliseconds) const override { return false; }

    std::vector<audit::Record> records;
    std::vector<audit::RecordText> texts;  // of what was decided
    std::vector<audit::Answered> answers;
    bool broken = false, full = false, answers_broken = false;
};

}  // namespace gate
