#include "io/pack/vocabulary.h"

#include <string.h>
#include <strings.h>

/* Tables weights.csv, dx_mapping_scored.csv and dx_mapping_unscored.csv of the PhysioNet/CinC Challenge 2021
 * (github.com/physionetchallenges/evaluation-2021). The first N_SCORED_CLASSES in the order of weights.csv. */
static const struct vocabulary_class classes[N_VOCABULARY_CLASSES] = {
    {"164889003", "AF"},
    {"164890007", "AFL"},
    {"6374002", "BBB"},
    {"426627000", "Brady"},
    {"733534002|164909002", "LBBB"},
    {"713427006|59118001", "RBBB"},
    {"270492004", "IAVB"},
    {"713426002", "IRBBB"},
    {"39732003", "LAD"},
    {"445118002", "LAnFB"},
    {"164947007", "LPR"},
    {"251146004", "LQRSV"},
    {"111975006", "LQT"},
    {"698252002", "NSIVCB"},
    {"426783006", "NSR"},
    {"284470004|63593006", "PAC"},
    {"10370003", "PR"},
    {"365413008", "PRWP"},
    {"427172004|17338001", "PVC"},
    {"164917005", "QAb"},
    {"47665007", "RAD"},
    {"427393009", "SA"},
    {"426177001", "SB"},
    {"427084000", "STach"},
    {"164934002", "TAb"},
    {"59931005", "TInv"},
    /* not scored in 2021 */
    {"233892002", "AAR"},
    {"164951009", "abQRS"},
    {"251187003", "AED"},
    {"61277005", "AIVR"},
    {"426664006", "AJR"},
    {"251139008", "ALR"},
    {"57054005", "AMI"},
    {"413444003", "AMIs"},
    {"426434006", "AnMIs"},
    {"54329005", "AnMI"},
    {"251173003", "AB"},
    {"195080001", "AFAFL"},
    {"195126007", "AH"},
    {"251268003", "AP"},
    {"106068003", "ARH"},
    {"713422000", "ATach"},
    {"233917008", "AVB"},
    {"50799005", "AVD"},
    {"29320008", "AVJR"},
    {"251166008", "AVNRT"},
    {"233897008", "AVRT"},
    {"251170000", "BPAC"},
    {"418818005", "BRU"},
    {"74615001", "BTS"},
    {"426749004", "CAF"},
    {"251199005", "CCR"},
    {"61721007", "CVCL/CCVCL"},
    {"698247007", "CD"},
    {"27885002", "CHB"},
    {"204384007", "CIAHB"},
    {"53741008", "CHD"},
    {"413844008", "CMI"},
    {"251198002", "CR"},
    {"82226007", "DIB"},
    {"428417006", "ERe"},
    {"13640000", "FB"},
    {"164942001", "FQRS"},
    {"84114007", "HF"},
    {"368009", "HVD"},
    {"251259000", "HTV"},
    {"251200008", "ICA"},
    {"195042002", "IIAVB"},
    {"426183003", "IIAVBII"},
    {"425419005", "IIs"},
    {"251120003", "ILBBB"},
    {"704997005", "ISTD"},
    {"49260003", "IR"},
    {"426995002", "JE"},
    {"251164006", "JPC"},
    {"426648003", "JTach"},
    {"253352002", "LAA"},
    {"67741000119109", "LAE"},
    {"446813000", "LAH"},
    {"425623009", "LIs"},
    {"445211001", "LPFB"},
    {"164873001", "LVH"},
    {"55827005", "LVHV"},
    {"370365005", "LVS"},
    {"164865005", "MI"},
    {"164861001", "MIs"},
    {"54016002", "MoI"},
    {"428750005", "NSSTTA"},
    {"164867002", "OldMI"},
    {"282825002", "PAF"},
    {"251205003", "PPW"},
    {"67198005", "PSVT"},
    {"425856008", "PVT"},
    {"164912004", "PWC"},
    {"253339007", "RAAb"},
    {"164921003", "RAb"},
    {"446358003", "RAH"},
    {"67751000119106", "RAHV"},
    {"314208002", "RAF"},
    {"89792004", "RVH"},
    {"17366009", "SAAWR"},
    {"65778007", "SAB"},
    {"5609005", "SARR"},
    {"60423000", "SND"},
    {"49578007", "SPRI"},
    {"77867006", "SQT"},
    {"55930002", "STC"},
    {"429622005", "STD"},
    {"164931005", "STE"},
    {"164930006", "STIAb"},
    {"251168009", "SVB"},
    {"426761007", "SVT"},
    {"266257000", "TIA"},
    {"251223006", "TPW"},
    {"164937009", "UAb"},
    {"11157007", "VBig"},
    {"75532003", "VEsB"},
    {"81898007", "VEsR"},
    {"164896001", "VF"},
    {"111288001", "VFL"},
    {"266249003", "VH"},
    {"195060002", "VPEx"},
    {"251266004", "VPP"},
    {"251182009", "VPVC"},
    {"164895002", "VTach"},
    {"251180001", "VTrig"},
    {"195101003", "WAP"},
    {"74390002", "WPW"},
    {"", "STTC"},   /* any ischaemia, ST or T statement: a class of label tables, without a code of its own */
    {"", "Chagas"}, /* of the patient, by serology or as told by him: CODE-15 %, SaMi-Trop */
    /* superclasses of the diagnostic statements of PTB-XL (scp_statements.csv): not the same as NSR, MI, STTC, CD above
     */
    {"", "PTBXL_NORM"},
    {"", "PTBXL_MI"},
    {"", "PTBXL_STTC"},
    {"", "PTBXL_CD"},
    {"", "PTBXL_HYP"},
};

/* What a class implies: ischaemia, ST and T statements are STTC, infarctions of a place or an age are MI. */
static const struct {
    const char *name, *broader;
} broader_classes[] = {
    {"AMI", "MI"},     {"AnMI", "MI"},  {"OldMI", "MI"}, {"CAF", "AF"},      {"RAF", "AF"},   {"TAb", "STTC"},
    {"TInv", "STTC"},  {"HTV", "STTC"}, {"STC", "STTC"}, {"STD", "STTC"},    {"STE", "STTC"}, {"ISTD", "STTC"},
    {"STIAb", "STTC"}, {"LQT", "STTC"}, {"MIs", "STTC"}, {"NSSTTA", "STTC"}, {"CMI", "STTC"}, {"AMIs", "STTC"},
    {"AnMIs", "STTC"}, {"IIs", "STTC"}, {"LIs", "STTC"},
};

/* Other words for a class: early Challenge headers, label tables, codes of the same meaning. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    {"Normal", "NSR"},      {"NORM", "NSR"},        {"SR", "NSR"},       {"AFIB", "AF"},
    {"AFLT", "AFL"},        {"I-AVB", "IAVB"},      {"1AVB", "IAVB"},    {"1dAVb", "IAVB"},
    {"CLBBB", "LBBB"},      {"CRBBB", "RBBB"},      {"SVPB", "PAC"},     {"VPB", "PVC"},
    {"VEB", "PVC"},         {"SBRAD", "SB"},        {"SBrad", "SB"},     {"STACH", "STach"},
    {"SARRH", "SA"},        {"STEL", "STE"},        {"PACE", "PR"},      {"LAFB", "LAnFB"},
    {"CLBBB|LBBB", "LBBB"}, {"CRBBB|RBBB", "RBBB"}, {"PAC|SVPB", "PAC"}, {"PVC|VPB", "PVC"},
    {"164884008", "PVC"}, /* "ventricular ectopics": what CPSC 2018 calls PVC; the scoring of 2021 leaves it out */
};

const struct vocabulary_class *vocabulary_class(size_t index)
{
    return &classes[index];
}

/* True if `code` is one of the codes joined by '|'. */
static bool code_is_listed(const char *codes, const char *code)
{
    size_t length = strlen(code);
    for (const char *place = codes; length > 0 && (place = strstr(place, code)) != NULL; place++)
        if ((place == codes || place[-1] == '|') && (place[length] == '\0' || place[length] == '|'))
            return true;
    return false;
}

int vocabulary_find(const char *word)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcasecmp(word, aliases[i].alias) == 0)
            word = aliases[i].name;
    for (int i = 0; i < N_VOCABULARY_CLASSES; i++)
        if (strcasecmp(word, classes[i].name) == 0 || code_is_listed(classes[i].code, word))
            return i;
    return -1;
}

int vocabulary_broader(int index)
{
    for (size_t i = 0; i < sizeof broader_classes / sizeof *broader_classes; i++)
        if (strcmp(classes[index].name, broader_classes[i].name) == 0)
            return vocabulary_find(broader_classes[i].broader);
    return -1;
}
