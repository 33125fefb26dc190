// Precompiled for tests: as core.hpp, and GoogleTest's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core.hpp"
