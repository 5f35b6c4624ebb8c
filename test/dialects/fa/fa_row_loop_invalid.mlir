// RUN: fa-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{rows and unroll of a row loop are at least 1}}
func.func @row_loop() attributes {loop = #fa.row_loop<id = 0, rows = 0, unroll = 1>} { func.return }
