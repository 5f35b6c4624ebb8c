// RUN: fa-opt %s --split-input-file --verify-diagnostics

// Launches of what is no kernel, or of one that takes and gives something else.

func.func @nowhere(%q: tensor<4xf32>) {
  // expected-error @below {{'fa.launch': there is no kernel @kernel beside this function}}
  %o = fa.launch @kernel(%q) : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----
func.func private @other(tensor<4xf32>) -> tensor<4xf32>
func.func @no_kernel(%q: tensor<4xf32>) {
  // expected-error @below {{'fa.launch': @other is no kernel: a function that is one has fa.kernel}}
  %o = fa.launch @other(%q) : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----
func.func private @kernel(tensor<4xf32>) -> tensor<4xf32> attributes {fa.kernel}
func.func @arguments(%q: tensor<4xf32>) {
  // expected-error @below {{'fa.launch': the kernel takes 1 arguments, got 2}}
  %o = fa.launch @kernel(%q, %q) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----
func.func private @kernel(tensor<4xf32>) -> tensor<4xf32> attributes {fa.kernel}
func.func @results(%q: tensor<4xf32>) {
  // expected-error @below {{'fa.launch': the kernel gives 1 results, got 2}}
  %o, %p = fa.launch @kernel(%q) : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  func.return
}

// -----
func.func private @kernel(tensor<4xf32>) -> tensor<4xf32> attributes {fa.kernel}
func.func @type(%q: tensor<4xbf16>) {
  // expected-error @below {{'fa.launch': the kernel takes tensor<4xf32> in arguments[0], got tensor<4xbf16>}}
  %o = fa.launch @kernel(%q) : (tensor<4xbf16>) -> tensor<4xf32>
  func.return
}

// -----
plena.kernel @kernel attributes {fa.kernel} {
}
func.func @no_layout(%q: tensor<4xf32>) {
  // expected-error @below {{'fa.launch': @kernel does not say where its arguments lie (plena.layout)}}
  %o = fa.launch @kernel(%q) : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----
// expected-error @below {{a kernel takes and gives tensors of static shape, and argument 1 is index}}
func.func private @number(tensor<4xf32>, index) attributes {fa.kernel}

// -----
// expected-error @below {{a kernel takes and gives tensors of static shape, and result 0 is tensor<?xf32>}}
func.func private @dynamic(tensor<4xf32>) -> tensor<?xf32> attributes {fa.kernel}

// -----
// expected-error @below {{fa.kernel takes no value, got 1 : i64}}
func.func private @valued(tensor<4xf32>) attributes {fa.kernel = 1 : i64}

// -----
plena.kernel @kernel attributes {fa.kernel, plena.layout = {version = 4 : i64, kernel = "kernel", hbm_bytes = 0 : i64, arguments = [{name = "q", shape = [4 : i64], dtype = "bf16"}], regions = [], outputs = [], sram = {}, int_mem = [], fp_mem = []}} {
}
func.func @program(%q: tensor<4xf32>) {
  // expected-error @below {{'fa.launch': the kernel takes 1 arguments and gives 0 results, got 1 and 1}}
  %o = fa.launch @kernel(%q) : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----
plena.kernel @kernel attributes {fa.kernel, plena.layout = {version = 4 : i64, kernel = "kernel", hbm_bytes = 0 : i64, arguments = [{name = "q", shape = [4 : i64], dtype = "bf16"}], regions = [], outputs = [], sram = {}, int_mem = [], fp_mem = []}} {
}
func.func @shape(%q: tensor<4x2xf32>) {
  // expected-error @below {{'fa.launch': the kernel takes 4 in arguments[0], got 4x2}}
  fa.launch @kernel(%q) : (tensor<4x2xf32>) -> ()
  func.return
}
