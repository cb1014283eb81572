# Kernels of the model in float (what runs) and in double (what gradient checks use), against plain loops.
add_unit_test(test_kernels_mathematics test_kernels_mathematics.c unit anyecg_model)
foreach(subject products attention layers patch_encoder losses)
    add_unit_test(test_kernels_${subject} test_kernels_${subject}.c unit anyecg_model)
    add_unit_test(test_kernels_${subject}_double test_kernels_${subject}.c unit anyecg_model_double)
endforeach()
