import json, random, time
from pathlib import Path
import pytest
from labelhub.projects.rights import Role
from labelhub.projects.models import Project
from tests.factories import *
from annotations.review.models import *
from annotations.review.actions.approvals import approve
from annotations.recall.actions import embed_missing, want
from training.lm.starter import world, phrasing
from training.registry.actions import take_snapshot, latest_report
from training.registry import shown
from training.datasets.actions import Wanted
from training.evaluation.suites import add_cases, grow
from training.evaluation.models import Evaluation, CaseResult
from training.lm.recipes import BALANCED
from training.runs.actions import launch
from training.runs.models import *
from training.loop.lineage import lineage_ok
pytestmark=[pytest.mark.usefixtures("processes")]
FACTS=json.load(open("training/loop/demo/facts.json"))
FACTS={k:v for k,v in FACTS.items() if k in world.FACTS}
@pytest.mark.parametrize("per_fact,seed",[(4,1)])
def test_measure(run_jobs, per_fact, seed):
    r=random.Random(seed); T=[("start",time.monotonic())]
    def mark(n): T.append((n,time.monotonic())); print(n, round(T[-1][1]-T[-2][1],1), flush=True)
    p=make_project(two_person_promotion=False); p.test_share=0.0; p.save()
    ex,mo,ad=make_member(p),make_member(p,Role.MODERATOR),make_member(p,Role.ADMIN)
    NEW={**world.FACTS,**FACTS}
    sess=make_session(p); q=make_queue(p)
    keys=list(world.FACTS)
    # traffic 2500
    n=0
    used=set()
    for _ in range(2500):
        i,x=world.split(r.choice(keys)); f=r.choice(world.corpus_frames(i)); make_interaction(p,session=sess,prompt=world.ask(i,x,f),output=world.answer(world.FACTS,i,x))
    mark("traffic")
    def approved(i,x,f,good):
        it=make_interaction(p,session=sess,prompt=world.ask(i,x,f),output=world.answer(world.FACTS,i,x))
        t=make_task(q,it); l=Label.objects.create(project=p,task=t,author=ex,verdict="good" if good else "flawed",rewrite="" if good else world.answer(NEW,i,x),taxonomy=p.taxonomy,guidelines=p.guidelines)
        return Approval.objects.create(project=p,label=l,interaction=it,by=mo)
    for k in FACTS:
        i,x=world.split(k)
        for f in r.sample(world.corpus_frames(i),per_fact): approved(i,x,f,False)
    ch={world.split(k)[0] for k in FACTS}
    sibs=[k for k in keys if world.split(k)[0] in ch and k not in FACTS]; oth=[k for k in keys if world.split(k)[0] not in ch]
    seen=set()
    for pool,m in ((sibs,90),(oth,200)):
        c=0
        while c<m:
            i,x=world.split(r.choice(pool)); f=r.choice(world.corpus_frames(i))
            if (i,x,f) in seen: continue
            seen.add((i,x,f)); approved(i,x,f,True); c+=1
    mark("labels")
    from annotations.capture.models import Interaction
    want(p,"prompt",[(a,b) for a,b in Interaction.objects.filter(project=p).values_list("pk","prompt")])
    while embed_missing(p.pk): pass
    mark("embed")
    held=[{"prompt":world.ask(*world.split(k),f),"gold":world.answer(NEW,*world.split(k))} for k in FACTS for f in world.unseen_frames(world.split(k)[0])]
    up=add_cases(p,suite="fresh",items=held,by=ad); print(len(held),len(up.cases),up.refused[:2])
    mark("cases"); grow(p); mark("grow")
    s=take_snapshot(p,by=ad,wanted=Wanted(good_rows=120,seed=seed)); mark("snapshot")
    d=shown.snapshot(s); print(d["rows"],d["left_out"])
    run=launch(p,snapshot=s,recipe=BALANCED,by=ad,reason="m",token="t",seed=seed)
    last=None
    while True:
        run_jobs(); run.refresh_from_db(); ev=Evaluation.objects.first(); 
        st=(run.state, ev and ev.state)
        if st!=last: mark(str(st)); last=st
        if run.failure: print(run.failure); break
        if ev and ev.state in("succeeded","failed"): break
        time.sleep(.2)
    run_jobs(); v=ModelVersion.objects.get(); g=latest_report(v); mark("gate")
    for rule in g.rules: print(rule)
    d=shown.evaluation(ev); print({k:(f["n"],round(f["before"],3),round(f["after"],3)) for k,f in d["figures"].items()})
    mark("shown")
    print(lineage_ok(v)[:3]); mark("lineage")
    print(open(Path(__import__('django').conf.settings.DATA_DIR)/"runs"/run.folder/"log.txt").read()[-500:])
