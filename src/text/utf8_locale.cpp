#include "text/utf8_locale.hpp"

#include <initializer_list>

namespace text {
namespace {

// For good: threads may still use it when the process ends. None on a machine without any of them.
locale_t find_utf8() {
    for (const char* name : {"C.UTF-8", "C.utf8", "en_US.UTF-8"}) {
        if (locale_t found = ::newlocale(LC_CTYPE_MASK, name, nullptr); found != nullptr) return found;
    }
    return nullptr;
}

}  // namespace

Utf8Locale::Utf8Locale() {
    static const locale_t utf8 = find_utf8();
    if (utf8 != nullptr) before_ = ::uselocale(utf8);
}

Utf8Locale::~Utf8Locale() {
    if (before_ != nullptr) ::uselocale(before_);
}

}  // namespace text
