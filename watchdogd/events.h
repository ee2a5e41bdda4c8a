/* events: this program's MESSAGE_IDs, as lib/io/events.h has the others'. Stable for ever. */
#pragma once

#define EVENT_WATCHDOG_ARMED "21d40fee2d6d4912e0cb802859335c0e"
#define EVENT_WATCHDOG_RELEASED "00867cd7a23f7529a73ea7e2b1c520d2"
#define EVENT_WATCHDOG_WEAK "e48a3b04ff27fb7a4d5c56aad4e338fd"
#define EVENT_WATCHDOG_STOPPED "2ccc23bf0f3ebc951490a6cd8870374e"
#define EVENT_WATCHDOG_RESET "f78df5db799087a1c14d49fc8007737b"
#define EVENT_BOOT_CAUSE "fbf66045b483c0c15eec4db9c90faec4"
