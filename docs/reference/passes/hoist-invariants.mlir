plena.kernel @rows {
  %zero = plena.get_register : !plena.gp<gp0>
  %end = plena.loop 4 (%i : !plena.gp, %p = %zero : !plena.gp<gp0> to !plena.gp) {
    %x = plena.s_ld_fp %zero, 300 : (!plena.gp<gp0>) -> !plena.fp
    %y = plena.s_exp_fp %x : (!plena.fp) -> !plena.fp
    plena.v_add_vf %p, %p, %y, 0 : (!plena.gp, !plena.gp, !plena.fp) -> ()
    %next = plena.s_addi_int %p, 64 : (!plena.gp) -> !plena.gp
    plena.yield %i, %next : !plena.gp, !plena.gp
  }
}
