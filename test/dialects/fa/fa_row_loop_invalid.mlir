// RUN: fa-opt %s --split-input-file --verify-diagnostics

// What cannot be done together, row by row.

func.func @unroll(%a: !fa.tile<8x64xbf16, vector>, %l: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.row_loop': rows and unroll are at least 1 and unroll divides rows, got 8 and 3}}
  fa.row_loop rows = 8 unroll = 3 {
    %0 = fa.normalize %a, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
    fa.yield
  }
  func.return
}

// -----
func.func @end(%a: !fa.tile<8x64xbf16, vector>, %l: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.row_loop': the body takes no arguments and ends with fa.yield}}
  fa.row_loop rows = 8 unroll = 2 {
    %0 = fa.normalize %a, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
    "llvm.unreachable"() : () -> ()
  }
  func.return
}

// -----
func.func @empty() {
  // expected-error @below {{'fa.row_loop': the body has at least one operation on rows}}
  fa.row_loop rows = 8 unroll = 2 {
    fa.yield
  }
  func.return
}

// -----
func.func @whole(%a: !fa.tile<8x64xbf16, vector>, %l: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.row_loop': fa.copy cannot be done row by row}}
  fa.row_loop rows = 8 unroll = 2 {
    %0 = fa.copy %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
    fa.yield
  }
  func.return
}

// -----
func.func @short(%a: !fa.tile<8x64xbf16, vector>, %l: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.row_loop': the tiles of fa.normalize have 8 rows, fewer than 16}}
  fa.row_loop rows = 16 unroll = 2 {
    %0 = fa.normalize %a, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
    fa.yield
  }
  func.return
}

// -----
func.func @types(%a: !fa.tile<8x64xbf16, vector>, %l: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.row_loop': what is yielded has the types of the results}}
  %r = fa.row_loop rows = 8 unroll = 2 {
    %0 = fa.normalize %a, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
    fa.yield
  } : !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @outside(%a: !fa.tile<8x64xbf16, vector>, %l: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.row_loop': what is yielded is made in the body}}
  %r = fa.row_loop rows = 8 unroll = 2 {
    %0 = fa.normalize %a, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
    fa.yield %a : !fa.tile<8x64xbf16, vector>
  } : !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @together(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.row_loop': 4 rows share lanes, so unroll must be a multiple of 4, got 2}}
  fa.row_loop rows = 8 unroll = 2 {
    %0 = fa.repack %a by %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector packed 4>
    fa.yield
  }
  func.return
}
