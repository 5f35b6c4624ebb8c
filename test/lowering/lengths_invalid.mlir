// RUN: fa-opt %s --split-input-file --verify-diagnostics --emit-instructions

// What lengths at run time cannot be made into.

func.func @start(%x: tensor<8x64xbf16>, %n: tensor<1xi32>) -> tensor<8x64xbf16> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %end = fa.length %n[%c0] {most = 256 : i64, granule = 64 : i64} : tensor<1xi32>
  %out = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  // expected-error @below {{a loop to a length starts at 0 and goes on in steps of the length's granule, which is 64}}
  scf.for %i = %c64 to %end step %c64 {
    %t = fa.load %x[%c0, %c0] : tensor<8x64xbf16> -> !fa.tile<8x64xbf16, vector at 0>
    fa.store %t, %out[%c0, %c0] : !fa.tile<8x64xbf16, vector at 0>, memref<8x64xbf16, #fa.hbm>
  }
  %o = fa.result %out : memref<8x64xbf16, #fa.hbm> -> tensor<8x64xbf16>
  func.return %o : tensor<8x64xbf16>
}

// -----
func.func @many(%x: tensor<8x64xbf16>, %n: tensor<2000xi32>) -> tensor<8x64xbf16> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  // expected-error @below {{lengths take 2000 entries of INT_MEM, and the machine has 32; fewer batches need less}}
  %end = fa.length %n[%c0] {most = 256 : i64, granule = 64 : i64} : tensor<2000xi32>
  %out = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  scf.for %i = %c0 to %end step %c64 {
    %t = fa.load %x[%c0, %c0] : tensor<8x64xbf16> -> !fa.tile<8x64xbf16, vector at 0>
    fa.store %t, %out[%c0, %c0] : !fa.tile<8x64xbf16, vector at 0>, memref<8x64xbf16, #fa.hbm>
  }
  %o = fa.result %out : memref<8x64xbf16, #fa.hbm> -> tensor<8x64xbf16>
  func.return %o : tensor<8x64xbf16>
}

// -----
func.func @constants(%x: tensor<8x64xbf16>) -> tensor<8x64xbf16> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %n = arith.constant dense<3> : tensor<1xi32>
  // expected-error @below {{lengths are an argument of the function, which the host brings}}
  %end = fa.length %n[%c0] {most = 256 : i64, granule = 64 : i64} : tensor<1xi32>
  %out = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  scf.for %i = %c0 to %end step %c64 {
    %t = fa.load %x[%c0, %c0] : tensor<8x64xbf16> -> !fa.tile<8x64xbf16, vector at 0>
    fa.store %t, %out[%c0, %c0] : !fa.tile<8x64xbf16, vector at 0>, memref<8x64xbf16, #fa.hbm>
  }
  %o = fa.result %out : memref<8x64xbf16, #fa.hbm> -> tensor<8x64xbf16>
  func.return %o : tensor<8x64xbf16>
}
