// While it lives, this thread turns names into Unicode and back as UTF-8, whatever the process's locale is.
//
// libarchive asks the thread's locale; in "C", which a service starts in, it gives up on every name with a byte above 127.
#pragma once

#include <locale.h>

namespace text {

class Utf8Locale {
public:
    Utf8Locale();
    ~Utf8Locale();
    Utf8Locale(const Utf8Locale&) = delete;
    Utf8Locale& operator=(const Utf8Locale&) = delete;

private:
    locale_t before_ = nullptr;
};

}  // namespace text
