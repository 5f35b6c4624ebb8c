// RUN: fa-opt %s --split-input-file --verify-diagnostics

// What launches and kernels refuse.

func.func @host(%x: tensor<1x1x16x64xbf16>, %y: tensor<2xbf16>) {
  // expected-error @below {{'fa.launch': there is no kernel @other beside this function}}
  %0 = fa.launch @other(%x) : (tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16>
  func.return
}

func.func private @kernel(%q: tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16> attributes {fa.kernel} {
  func.return %q : tensor<1x1x16x64xbf16>
}

// -----
func.func @host(%x: tensor<1x1x16x64xbf16>, %y: tensor<2xbf16>) {
  // expected-error @below {{'fa.launch': @plain is no kernel: a function that is one has fa.kernel}}
  %0 = fa.launch @plain(%x) : (tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16>
  func.return
}

func.func private @plain(%q: tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16> {
  func.return %q : tensor<1x1x16x64xbf16>
}

// -----
func.func @host(%x: tensor<1x1x16x64xbf16>, %y: tensor<2xbf16>) {
  // expected-error @below {{'fa.launch': the kernel takes 1 arguments, got 2}}
  %0 = fa.launch @kernel(%x, %x) : (tensor<1x1x16x64xbf16>, tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16>
  func.return
}

func.func private @kernel(%q: tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16> attributes {fa.kernel} {
  func.return %q : tensor<1x1x16x64xbf16>
}

// -----
func.func @host(%x: tensor<1x1x16x64xbf16>, %y: tensor<2xbf16>) {
  // expected-error @below {{'fa.launch': the kernel takes tensor<1x1x16x64xbf16> in arguments[0], got tensor<2xbf16>}}
  %0 = fa.launch @kernel(%y) : (tensor<2xbf16>) -> tensor<1x1x16x64xbf16>
  func.return
}

func.func private @kernel(%q: tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16> attributes {fa.kernel} {
  func.return %q : tensor<1x1x16x64xbf16>
}

// -----
func.func @host(%x: tensor<1x1x16x64xbf16>, %y: tensor<2xbf16>) {
  // expected-error @below {{'fa.launch': @program does not say where its arguments lie (plena.layout)}}
  %0 = fa.launch @program(%x) : (tensor<1x1x16x64xbf16>) -> tensor<1x1x16x64xbf16>
  func.return
}

plena.kernel @program {
}

// -----
// expected-error @below {{a kernel takes and gives tensors of static shape, and argument 0 is tensor<?xbf16>}}
func.func @kernel(%x: tensor<?xbf16>) attributes {fa.kernel} {
  func.return
}

// -----
func.func @host(%x: tensor<1x1x64x64xbf16>, %y: tensor<2xbf16>) {
  // expected-error @below {{'fa.launch': the kernel takes 3 arguments and gives 1 results, got 1 and 1}}
  %0 = fa.launch @program(%x) : (tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16>
  func.return
}

plena.kernel @program attributes {plena.layout = {version = 4 : i64, kernel = "model_attention", hbm_bytes = 46592 : i64, arguments = [{name = "q", shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16"}, {name = "k", shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16"}, {name = "v", shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16"}], regions = [{name = "unit", role = "constant", kind = "weight", index = 0 : i64, shape = [64 : i64, 64 : i64], dtype = "bf16", storage = {element = "e4m3", element_bytes = 1 : i64, block = 8 : i64, scale = "e8m0", variant = "plena", rule = "rceil", rounding = "nearest"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 0 : i64, prepare = [], recipe = ["reshape", [64 : i64, 64 : i64], ["crop", [0 : i64, 0 : i64], [1 : i64, 4096 : i64], ["reshape", [1 : i64, 4160 : i64], ["broadcast", [64 : i64, 65 : i64], ["pad", [1 : i64, 65 : i64], ["constant", [1 : i64, 1 : i64], "bf16", "gEA="]]]]]], scale_base = 4096 : i64, row_bytes = 64 : i64, scale_row_bytes = 8 : i64, bytes = 4608 : i64}, {name = "q", role = "argument", kind = "query", index = 0 : i64, shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16", storage = {element = "bf16", element_bytes = 2 : i64, block = 0 : i64, scale = "e8m0", variant = "plena", rule = "floor", rounding = "store"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 4608 : i64, prepare = [], recipe = ["reshape", [1 : i64, 1 : i64, 64 : i64, 64 : i64], ["reshape", [1 : i64, 1 : i64, 1 : i64, 64 : i64, 64 : i64], ["transpose", [0 : i64, 1 : i64, 2 : i64, 5 : i64, 4 : i64, 3 : i64, 6 : i64], ["reshape", [1 : i64, 1 : i64, 16 : i64, 4 : i64, 1 : i64, 4 : i64, 16 : i64], ["pad", [1 : i64, 1 : i64, 64 : i64, 64 : i64], ["argument", 0 : i64]]]]]], scale_base = 4608 : i64, row_bytes = 128 : i64, scale_row_bytes = 0 : i64, bytes = 8192 : i64}, {name = "k", role = "argument", kind = "key", index = 1 : i64, shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16", storage = {element = "e4m3", element_bytes = 1 : i64, block = 8 : i64, scale = "e8m0", variant = "plena", rule = "rceil", rounding = "nearest"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 12800 : i64, prepare = [], recipe = [], scale_base = 16896 : i64, row_bytes = 64 : i64, scale_row_bytes = 8 : i64, bytes = 4608 : i64}, {name = "v", role = "argument", kind = "value", index = 2 : i64, shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16", storage = {element = "e4m3", element_bytes = 1 : i64, block = 8 : i64, scale = "e8m0", variant = "plena", rule = "rceil", rounding = "nearest"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 17408 : i64, prepare = [], recipe = ["transpose", [0 : i64, 1 : i64, 3 : i64, 2 : i64], ["argument", 2 : i64]], scale_base = 21504 : i64, row_bytes = 64 : i64, scale_row_bytes = 8 : i64, bytes = 4608 : i64}, {name = "result0", role = "result", kind = "output", index = 0 : i64, shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16", storage = {element = "bf16", element_bytes = 2 : i64, block = 0 : i64, scale = "e8m0", variant = "plena", rule = "floor", rounding = "store"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 22016 : i64, prepare = [], recipe = [], scale_base = 22016 : i64, row_bytes = 128 : i64, scale_row_bytes = 0 : i64, bytes = 8192 : i64}, {name = "buffer", role = "buffer", kind = "buffer", index = -1 : i64, shape = [64 : i64, 64 : i64], dtype = "bf16", storage = {element = "bf16", element_bytes = 2 : i64, block = 0 : i64, scale = "e8m0", variant = "plena", rule = "floor", rounding = "store"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 30208 : i64, prepare = [], recipe = [], scale_base = 30208 : i64, row_bytes = 128 : i64, scale_row_bytes = 0 : i64, bytes = 8192 : i64}, {name = "buffer", role = "buffer", kind = "buffer", index = -1 : i64, shape = [64 : i64, 64 : i64], dtype = "bf16", storage = {element = "bf16", element_bytes = 2 : i64, block = 0 : i64, scale = "e8m0", variant = "plena", rule = "floor", rounding = "store"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 38400 : i64, prepare = [], recipe = [], scale_base = 38400 : i64, row_bytes = 128 : i64, scale_row_bytes = 0 : i64, bytes = 8192 : i64}], outputs = [["region", 4 : i64]], fp_mem = [0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 16128 : i64, 65408 : i64, 16512 : i64], int_mem = [], sram = {vector_rows = 202 : i64, matrix_tiles = 2 : i64, fp_mem = 131 : i64}}} {
}

// -----
func.func @host(%x: tensor<1x1x64x64xbf16>, %y: tensor<2xbf16>) {
  // expected-error @below {{'fa.launch': the kernel takes 1x1x64x64 in arguments[0], got 2}}
  %0 = fa.launch @program(%y, %x, %x) : (tensor<2xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16>
  func.return
}

plena.kernel @program attributes {plena.layout = {version = 4 : i64, kernel = "model_attention", hbm_bytes = 46592 : i64, arguments = [{name = "q", shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16"}, {name = "k", shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16"}, {name = "v", shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16"}], regions = [{name = "unit", role = "constant", kind = "weight", index = 0 : i64, shape = [64 : i64, 64 : i64], dtype = "bf16", storage = {element = "e4m3", element_bytes = 1 : i64, block = 8 : i64, scale = "e8m0", variant = "plena", rule = "rceil", rounding = "nearest"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 0 : i64, prepare = [], recipe = ["reshape", [64 : i64, 64 : i64], ["crop", [0 : i64, 0 : i64], [1 : i64, 4096 : i64], ["reshape", [1 : i64, 4160 : i64], ["broadcast", [64 : i64, 65 : i64], ["pad", [1 : i64, 65 : i64], ["constant", [1 : i64, 1 : i64], "bf16", "gEA="]]]]]], scale_base = 4096 : i64, row_bytes = 64 : i64, scale_row_bytes = 8 : i64, bytes = 4608 : i64}, {name = "q", role = "argument", kind = "query", index = 0 : i64, shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16", storage = {element = "bf16", element_bytes = 2 : i64, block = 0 : i64, scale = "e8m0", variant = "plena", rule = "floor", rounding = "store"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 4608 : i64, prepare = [], recipe = ["reshape", [1 : i64, 1 : i64, 64 : i64, 64 : i64], ["reshape", [1 : i64, 1 : i64, 1 : i64, 64 : i64, 64 : i64], ["transpose", [0 : i64, 1 : i64, 2 : i64, 5 : i64, 4 : i64, 3 : i64, 6 : i64], ["reshape", [1 : i64, 1 : i64, 16 : i64, 4 : i64, 1 : i64, 4 : i64, 16 : i64], ["pad", [1 : i64, 1 : i64, 64 : i64, 64 : i64], ["argument", 0 : i64]]]]]], scale_base = 4608 : i64, row_bytes = 128 : i64, scale_row_bytes = 0 : i64, bytes = 8192 : i64}, {name = "k", role = "argument", kind = "key", index = 1 : i64, shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16", storage = {element = "e4m3", element_bytes = 1 : i64, block = 8 : i64, scale = "e8m0", variant = "plena", rule = "rceil", rounding = "nearest"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 12800 : i64, prepare = [], recipe = [], scale_base = 16896 : i64, row_bytes = 64 : i64, scale_row_bytes = 8 : i64, bytes = 4608 : i64}, {name = "v", role = "argument", kind = "value", index = 2 : i64, shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16", storage = {element = "e4m3", element_bytes = 1 : i64, block = 8 : i64, scale = "e8m0", variant = "plena", rule = "rceil", rounding = "nearest"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 17408 : i64, prepare = [], recipe = ["transpose", [0 : i64, 1 : i64, 3 : i64, 2 : i64], ["argument", 2 : i64]], scale_base = 21504 : i64, row_bytes = 64 : i64, scale_row_bytes = 8 : i64, bytes = 4608 : i64}, {name = "result0", role = "result", kind = "output", index = 0 : i64, shape = [1 : i64, 1 : i64, 64 : i64, 64 : i64], dtype = "bf16", storage = {element = "bf16", element_bytes = 2 : i64, block = 0 : i64, scale = "e8m0", variant = "plena", rule = "floor", rounding = "store"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 22016 : i64, prepare = [], recipe = [], scale_base = 22016 : i64, row_bytes = 128 : i64, scale_row_bytes = 0 : i64, bytes = 8192 : i64}, {name = "buffer", role = "buffer", kind = "buffer", index = -1 : i64, shape = [64 : i64, 64 : i64], dtype = "bf16", storage = {element = "bf16", element_bytes = 2 : i64, block = 0 : i64, scale = "e8m0", variant = "plena", rule = "floor", rounding = "store"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 30208 : i64, prepare = [], recipe = [], scale_base = 30208 : i64, row_bytes = 128 : i64, scale_row_bytes = 0 : i64, bytes = 8192 : i64}, {name = "buffer", role = "buffer", kind = "buffer", index = -1 : i64, shape = [64 : i64, 64 : i64], dtype = "bf16", storage = {element = "bf16", element_bytes = 2 : i64, block = 0 : i64, scale = "e8m0", variant = "plena", rule = "floor", rounding = "store"}, rows = 64 : i64, panels = 1 : i64, width = 64 : i64, pitch = 64 : i64, line_rows = 0 : i64, base = 38400 : i64, prepare = [], recipe = [], scale_base = 38400 : i64, row_bytes = 128 : i64, scale_row_bytes = 0 : i64, bytes = 8192 : i64}], outputs = [["region", 4 : i64]], fp_mem = [0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 0 : i64, 16128 : i64, 65408 : i64, 16512 : i64], int_mem = [], sram = {vector_rows = 202 : i64, matrix_tiles = 2 : i64, fp_mem = 131 : i64}}} {
}
