// unroll-loops{factor=4 body=8}
plena.kernel @rows {
  %zero = plena.get_register : !plena.gp<gp0>
  %f0 = plena.get_register : !plena.fp<f0>
  %end = plena.loop 104 (%i : !plena.gp, %row = %zero : !plena.gp<gp0> to !plena.gp) {
    plena.s_st_fp %f0, %row, 52 : (!plena.fp<f0>, !plena.gp) -> ()
    %next = plena.s_addi_int %row, 1 : (!plena.gp) -> !plena.gp
    plena.yield %i, %next : !plena.gp, !plena.gp
  }
}
