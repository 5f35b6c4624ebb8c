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
